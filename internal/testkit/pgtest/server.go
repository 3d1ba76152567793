package pgtest

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/postgres"
)

// Variable names the environment variable with the URL of the server that tests use.
const Variable = "TEST_DATABASE_URL"

// databaseName is unique among the tests of all packages.
func databaseName() string { return "t_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// ownServer starts one server for this test process. The server ends with the process. The next process removes what it
// leaves on disk.
var ownServer = sync.OnceValues(func() (string, error) {
	dir, err := ScratchDir()
	if err != nil {
		return "", err
	}
	server, err := pgserver.Start(context.Background(), ScratchOptions(dir))
	if err != nil {
		return "", err
	}
	return server.URL("postgres"), nil
})

const prefix = "monsplit-pgtest-"

// ScratchDir creates a folder for a server of this process. It also removes the folders of processes that were killed.
func ScratchDir() (string, error) {
	removeLeftovers()
	dir, err := os.MkdirTemp(Scratch(), prefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", err
	}
	// The server may run as another user, who must be able to enter. The parent folders belong to others and stay as they
	// are. If one of them is closed to that user, pgserver.Start reports it.
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}

// Folder is a ScratchDir for one test. The end of the test removes it. Unlike with t.TempDir, a server that
// runs as another user can reach it.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := ScratchDir()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return dir
}

// ScratchOptions are the options of a server in a ScratchDir, whose data is not needed after it ends.
func ScratchOptions(dir string) pgserver.Options {
	return pgserver.Options{DataDir: filepath.Join(dir, "data"), Trust: true,
		Settings: map[string]string{"max_connections": "400", "max_wal_size": "256MB", "autovacuum_naptime": "5s",
			// Inside the data folder, so that a killed server leaves nothing elsewhere on the machine.
			"dynamic_shared_memory_type": "mmap"}}
}

// Scratch is the folder in which test servers keep their data. It is in memory where the system offers that.
func Scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() && roomy("/dev/shm") {
		return "/dev/shm"
	}
	return os.TempDir()
}

// removeLeftovers removes the data of test processes that have ended.
func removeLeftovers() {
	dirs, _ := filepath.Glob(filepath.Join(Scratch(), prefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		text, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if pid, err := strconv.Atoi(text); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.RemoveAll(dir) // another process may be removing it too
		}
	}
}

// Server is a PostgreSQL server of one test. The test can stop, kill and restart it. To simulate a server that hangs, put a
// netproxy in front of it.
type Server struct {
	t       testing.TB
	options pgserver.Options
	server  *pgserver.Server
}

// NewServer starts a server that ends with the test.
func NewServer(t testing.TB) *Server {
	t.Helper()
	options := ScratchOptions(Folder(t))
	options.Durable = true // it will be killed
	return newServer(t, options)
}

// NewExplainingServer starts a server that ends with the test. Its log has the plan of each statement that it has executed,
// also of statements in functions, with the buffers that it read. The server never vacuums or analyzes by itself.
func NewExplainingServer(t testing.TB) *Server {
	t.Helper()
	options := ScratchOptions(Folder(t))
	maps.Copy(options.Settings, map[string]string{
		"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_format": "json",
		"auto_explain.log_analyze": "on", "auto_explain.log_buffers": "on", "auto_explain.log_timing": "off",
		"auto_explain.log_nested_statements": "on", "autovacuum": "off", "log_line_prefix": "%a: ",
	})
	return newServer(t, options)
}

// LogPath returns the path of the server's log. Each start begins a new log.
func (s *Server) LogPath() string { return s.server.LogPath() }

// NewTLSServer starts a server that accepts only connections with TLS and with the superuser's password, which is in its
// URLs. It ends with the test.
func NewTLSServer(t testing.TB, tls pgserver.TLS) *Server {
	t.Helper()
	options := ScratchOptions(Folder(t))
	options.TLS, options.Trust = &tls, false
	return newServer(t, options)
}

func newServer(t testing.TB, options pgserver.Options) *Server {
	t.Helper()
	s := &Server{t: t, options: options}
	s.Start()
	t.Cleanup(func() { s.server.Kill() })
	return s
}

// NewURL returns the connection string of a new database on this server.
func (s *Server) NewURL(sets ...postgres.Migrations) string {
	s.t.Helper()
	return newDatabase(s.t, s.server.URL("postgres"), sets)
}

// Stop ends the server in order.
func (s *Server) Stop() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Minute)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil {
		s.t.Fatalf("pgtest: %v", err)
	}
}

// Kill ends the server at once, like a crash.
func (s *Server) Kill() { s.server.Kill() }

// Start starts the server again, on the same port and data.
func (s *Server) Start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 2*time.Minute)
	defer cancel()
	server, err := pgserver.Start(ctx, s.options)
	if err != nil {
		s.t.Fatalf("pgtest: %v", err)
	}
	s.server, s.options.Port = server, server.Port()
}

// roomy reports whether a folder's file system has space for a test run.
func roomy(dir string) bool {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return false
	}
	const need = 4 << 30
	return stat.Bavail*uint64(stat.Bsize) > need
}
