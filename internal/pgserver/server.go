// Package pgserver finds or fetches a PostgreSQL server and runs it as long as this process lives. The demo, tests and
// benchmarks use it.
//
// The server listens only on 127.0.0.1. If this process runs as root, the server runs as another user, because PostgreSQL
// refuses root.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/tcpport"
)

// Superuser is the role that initdb creates. The URLs use it.
const Superuser = "postgres"

// Options describe the server to run. DataDir is required.
type Options struct {
	DataDir  string // created if it does not exist; the user that the server runs as must be able to enter its parent
	Port     int    // 0 chooses a free port
	BinDir   string // the folder of initdb and postgres; if empty, they are found or fetched
	CacheDir string // the folder for fetched binaries; if empty, a folder in the user's cache
	Fetch    bool   // uses fetched binaries even if the machine has its own
	FetchURL string // the Maven repository to fetch from; if empty, Maven Central
	// Durable makes commits survive a crash of the machine. Without it, a crash of the machine may lose or corrupt the data.
	// Leave it off only in tests.
	Durable bool
	// Trust lets every user of this machine connect without a password. Otherwise a password is created with the data and
	// stored in the data folder, which only the server's user may enter. The option has an effect only when the data is created.
	Trust    bool
	TLS      *TLS              // nil means no TLS
	Settings map[string]string // more server settings
	Progress func(step string) // called before each step that may take longer; may be nil
}

// Server is a running PostgreSQL server.
type Server struct {
	opts     Options
	bin      string
	port     *tcpport.Reservation // until the server has ended
	password string
	cmd      *exec.Cmd
	lock     *os.File      // on the data folder; closed when the server has ended
	done     chan struct{} // closed when the server has ended
}

// startTimeout limits the time until the server answers, including the recovery after a crash.
const startTimeout = 60 * time.Second

// Start runs the server and returns when it answers. If an earlier process left a server behind on the same data, Start stops
// that server first. If the process that started it still runs, Start returns an error.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	dir, err := filepath.Abs(opts.DataDir)
	if err != nil {
		return nil, err
	}
	opts.DataDir = dir
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := account.canReach(filepath.Dir(dir)); err != nil {
		return nil, err
	}
	bin, err := binaries(ctx, opts, account)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, bin: bin}
	if err := s.start(ctx, account); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, account account) error {
	lock, err := lockData(s.opts.DataDir)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := s.prepare(ctx, account); err != nil {
		s.release()
		return err
	}
	s.opts.Progress("starting PostgreSQL")
	return s.run(ctx, account)
}

func (s *Server) prepare(ctx context.Context, account account) error {
	if err := stopLeftover(ctx, s.opts.DataDir); err != nil { // it may use the port
		return err
	}
	if err := s.reservePort(); err != nil {
		return err
	}
	if err := s.initialize(ctx, account); err != nil {
		return err
	}
	if err := s.installTLS(account); err != nil {
		return err
	}
	if err := s.readPassword(); err != nil {
		return fmt.Errorf("read the database's password: %w", err)
	}
	return nil
}

// URL returns the connection string of a database on this server.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(Superuser), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port.Port)),
		Path: "/" + database, RawQuery: s.tlsParameters()}
	if s.password != "" {
		u.User = url.UserPassword(Superuser, s.password)
	}
	return u.String()
}

// Port returns the port that the server listens on.
func (s *Server) Port() int { return s.port.Port }

// CreateDatabase creates an empty database unless a database with that name exists.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return CreateDatabase(ctx, s.URL("postgres"), name)
}

// CreateDatabase creates an empty database on the server at the URL unless a database with that name exists.
func CreateDatabase(ctx context.Context, url, name string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil || exists {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// Done is closed when the server has ended, for any reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop stops the server in order: it rolls back open transactions, and all committed data is on disk.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.signal(syscall.SIGINT); err != nil { // PostgreSQL's "fast shutdown"
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.Kill()
		return fmt.Errorf("PostgreSQL did not stop in time and was killed: %w", ctx.Err())
	}
}

// Kill ends the server at once, like a crash of the server.
func (s *Server) Kill() {
	_ = s.signal(syscall.SIGQUIT) // "immediate shutdown": its processes end too, and recovery runs at the next start
	<-s.done
}

func (s *Server) signal(sig syscall.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// release gives up what no server needs any more. The data folder was opened only for its lock.
func (s *Server) release() {
	_ = s.lock.Close()
	if s.port != nil {
		_ = s.port.Close()
	}
}

// run starts the postmaster and waits until it answers.
func (s *Server) run(ctx context.Context, account account) error {
	logFile, err := os.OpenFile(s.LogPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		s.release()
		return err
	}
	defer logFile.Close()
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(s.bin, "postgres"), s.arguments()...)
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	s.cmd.Dir = s.opts.DataDir
	s.cmd.SysProcAttr = account.attributes()
	s.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// The kernel signals the death of the parent when the *thread* that started the server ends. So this thread must live
		// as long as the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // its log has the reason of its end
		}
		s.release()
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s.awaitReady(ctx)
}

func (s *Server) arguments() []string {
	settings := map[string]string{
		"port": strconv.Itoa(s.port.Port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
		"log_min_messages": "warning", "max_connections": "200", "shared_buffers": "128MB",
	}
	if !s.opts.Durable {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "off", "off", "off"
	}
	maps.Copy(settings, s.tlsSettings())
	maps.Copy(settings, s.opts.Settings)
	args := []string{"-D", s.opts.DataDir}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// awaitReady waits until the server's own pid file reports that it is ready. If the port were in use, another server would
// answer on it.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.ready() {
		select {
		case <-s.done:
			tail := s.logTail()
			if strings.Contains(tail, "Address already in use") { // the server speaks English: its locale is C
				return portTaken(s.port.Port)
			}
			return fmt.Errorf("PostgreSQL ended while it started:\n%s", tail)
		case <-ctx.Done():
			s.Kill()
			return fmt.Errorf("PostgreSQL is not ready: %w\n%s", context.Cause(ctx), s.logTail())
		case <-tick.C:
		}
	}
	return nil
}

// ready reads the status in the eighth line of the pid file (PostgreSQL's utils/pidfile.h).
func (s *Server) ready() bool {
	text, err := os.ReadFile(filepath.Join(s.opts.DataDir, pidFile))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.cmd.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

// LogPath returns the path of the server's log. Each start begins a new log.
func (s *Server) LogPath() string { return s.opts.DataDir + ".log" }

func (s *Server) logTail() string {
	text, err := os.ReadFile(s.LogPath())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
