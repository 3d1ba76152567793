package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// demo is a running demo.
type demo struct {
	t                 *testing.T
	cmd               *exec.Cmd
	done              chan struct{}
	out               *lockedBuffer
	monolith, catalog string // base URLs
}

// startDemo runs the demo in dir until it says that it is ready.
func startDemo(t *testing.T, dir string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, done: make(chan struct{}), out: &lockedBuffer{}}
	monolithAddr, catalogAddr := freeAddr(t), freeAddr(t)
	d.monolith, d.catalog = "http://"+monolithAddr, "http://"+catalogAddr
	args = append(args, "--data-dir", dir, "--monolith-addr", monolithAddr)
	d.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(binaries, "demo"), args...)
	d.cmd.Env = environment("DEMO_CATALOG_ADDR=" + catalogAddr)
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.SysProcAttr = d.out, d.out, dieWithParent()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // the exit code is read from ProcessState
		close(d.done)
	}()
	t.Cleanup(func() { _ = d.cmd.Process.Kill(); <-d.done })
	ready := regexp.MustCompile(`(?m)^ready`)
	eventually(t, "the demo is ready", func() bool {
		select {
		case <-d.done:
			t.Fatalf("the demo ended early:\n%s", d.out)
		default:
		}
		return ready.MatchString(d.out.String())
	})
	return d
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// reachable is a folder that the server's user can pass to, even where that is another user.
func reachable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "data")
}

// The demo starts, shows the way of a change, stops without leaving a process behind, and is there again after a
// restart and after a crash.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := reachable(t)
	d := startDemo(t, dir)
	if n := len(call(t, http.MethodGet, d.monolith+"/api/v1/product?include_discontinued=true", nil).list); n != 234 {
		t.Errorf("%d sample products", n)
	}
	create := func(name string) {
		t.Helper()
		call(t, http.MethodPost, d.monolith+"/api/v1/product", map[string]any{"name": name, "product_category": "Tests"}).must(t, http.StatusCreated)
	}
	arrives := func(name string) {
		t.Helper()
		eventually(t, name+" arrives", func() bool {
			return len(call(t, http.MethodGet, d.catalog+"/catalog/api/v1/products?search="+name, nil).list) == 1
		})
	}
	create("demo-one")
	arrives("demo-one")

	// Kafka is taken away and comes back.
	for range 2 {
		before := strings.Count(d.out.String(), "Kafka is")
		if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the signal is obeyed", func() bool { return strings.Count(d.out.String(), "Kafka is") > before })
		create([]string{"demo-two", "demo-three"}[before%2])
	}
	arrives("demo-two")
	arrives("demo-three")

	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-d.done
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, d.out)
	}
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("processes are left behind: %v", left)
	}

	d = startDemo(t, dir)
	create("demo-four")
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.done
	d = startDemo(t, dir)
	for _, name := range []string{"demo-one", "demo-four"} {
		arrives(name)
	}
}

// processesIn lists the command lines of processes that run on a folder.
func processesIn(t *testing.T, dir string) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), dir) { // it may have ended meanwhile
			list = append(list, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return list
}

func TestDemoSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	tests := map[string]struct {
		args []string
		want string
	}{
		"BusyPort":    {[]string{"--monolith-addr", busy.Addr().String()}, "is taken by another process"},
		"NoPostgres":  {[]string{"--postgres", "postgres://nobody@127.0.0.1:1/x", "--monolith-addr", "127.0.0.1:0", "--catalog-addr", "127.0.0.1:0"}, "connect to PostgreSQL"},
		"UnknownFlag": {[]string{"--nonsense"}, "unknown flag"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, nil, "demo", append(tt.args, "--data-dir", reachable(t))...)
			if r.code == 0 || !strings.Contains(r.stderr, tt.want) {
				t.Errorf("exit code %d, want %q in:\n%s", r.code, tt.want, r.stderr)
			}
		})
	}
	if r := command(t, nil, "demo", "--help").must(t, 0); !strings.Contains(r.stdout, "--data-dir") {
		t.Errorf("--help prints %q", r.stdout)
	}
}
