// Package pgserver finds or fetches a PostgreSQL server and runs it for as long as this process lives: for the demo, for
// tests and for benchmarks.
//
// The server listens on 127.0.0.1 alone. As root it runs as another user, because PostgreSQL refuses root.
package pgserver

import (
	"context"
	"errors"
	"fmt"
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
)

// Superuser is the role that the server is made with and that URLs name.
const Superuser = "postgres"

// Options say which server to run. DataDir is required.
type Options struct {
	DataDir  string // made when it is not there; its parent has to be reachable by the user that the server runs as
	Port     int    // 0 takes a free one
	BinDir   string // where initdb and postgres are; empty finds or fetches them
	CacheDir string // where fetched binaries are kept; empty is a folder of the user's cache
	Fetch    bool   // takes fetched binaries even where the machine has its own
	FetchURL string // the Maven repository that they are fetched from; empty is Maven Central
	// Durable keeps every promise of a commit. Without it a crash of the machine may lose or corrupt the data: for
	// tests alone.
	Durable bool
	// Trust lets everybody on this machine in without a password. Otherwise one is made with the data and kept in their
	// folder, which only the server's user may enter. It counts when the data is made.
	Trust    bool
	Settings map[string]string // more server settings
	Progress func(step string) // is told before each step that may take more than a moment; may be nil
}

// Server is a running PostgreSQL server.
type Server struct {
	opts     Options
	bin      string
	port     int
	password string
	cmd      *exec.Cmd
	lock     *os.File      // on the data folder; closed when the server has ended
	done     chan struct{} // closed when the server has ended
}

// startTimeout bounds how long the server may take until it answers, recovery after a crash included.
const startTimeout = 60 * time.Second

// portAttempts bounds how often another free port is tried when somebody was faster to take it.
const portAttempts = 5

// Start runs the server and returns when it answers. A server that an earlier process of ours left behind on the same
// data is stopped first; one that still has its process is an error.
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
	for attempt := 1; ; attempt++ {
		s := &Server{opts: opts, bin: bin, port: opts.Port}
		err := s.start(ctx, account)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, errPortTaken) || opts.Port != 0 || attempt == portAttempts {
			return nil, err
		}
	}
}

func (s *Server) start(ctx context.Context, account account) error {
	lock, err := lockData(s.opts.DataDir)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := s.prepare(ctx, account); err != nil {
		_ = lock.Close() // nothing runs under it
		return err
	}
	s.opts.Progress("starting PostgreSQL")
	return s.run(ctx, account)
}

func (s *Server) prepare(ctx context.Context, account account) error {
	if err := stopLeftover(ctx, s.opts.DataDir); err != nil { // it may hold the port
		return err
	}
	if err := s.choosePort(); err != nil {
		return err
	}
	if err := s.initialize(ctx, account); err != nil {
		return err
	}
	if err := s.readPassword(); err != nil {
		return fmt.Errorf("read the database's password: %w", err)
	}
	return nil
}

// URL is the connection string of a database on this server.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(Superuser), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable"}
	if s.password != "" {
		u.User = url.UserPassword(Superuser, s.password)
	}
	return u.String()
}

// Port is the port that the server listens on.
func (s *Server) Port() int { return s.port }

// CreateDatabase makes an empty database unless there is one of that name.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	return CreateDatabase(ctx, s.URL("postgres"), name)
}

// CreateDatabase makes an empty database on the server of the given URL unless there is one of that name.
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

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends the server in order: open transactions are rolled back, what was committed is on disk.
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

// Kill ends the server at once, as a crash of it would.
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

// run starts the postmaster and waits until it answers.
func (s *Server) run(ctx context.Context, account account) error {
	logFile, err := os.OpenFile(s.LogPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		_ = s.lock.Close() // nothing runs under it
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
		// The kernel tells the server that its parent has died when the *thread* that started it ends, so this one has
		// to stay as long as the server does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ended is in its log
		}
		_ = s.lock.Close() // it was opened for its lock alone
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s.awaitReady(ctx)
}

func (s *Server) arguments() []string {
	settings := map[string]string{
		"port": strconv.Itoa(s.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
		"log_min_messages": "warning", "max_connections": "200", "shared_buffers": "128MB",
	}
	if !s.opts.Durable {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "off", "off", "off"
	}
	for name, value := range s.opts.Settings {
		settings[name] = value
	}
	args := []string{"-D", s.opts.DataDir}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// awaitReady goes by the server's own pid file: at a port that is taken, somebody else would answer.
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
				return s.portTaken()
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

// ready reads the status in the pid file's eighth line (PostgreSQL's utils/pidfile.h).
func (s *Server) ready() bool {
	text, err := os.ReadFile(filepath.Join(s.opts.DataDir, pidFile))
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return len(lines) >= 8 && lines[0] == strconv.Itoa(s.cmd.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

// LogPath is the file that the server writes its log to, anew with each start.
func (s *Server) LogPath() string { return s.opts.DataDir + ".log" }

func (s *Server) logTail() string {
	text, err := os.ReadFile(s.LogPath())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
