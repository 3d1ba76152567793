package e2e

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// demo is a running demo.
type demo struct {
	t                 *testing.T
	cmd               *exec.Cmd
	done              chan struct{}
	out               *lockedBuffer
	monolith, catalog string // base URLs
}

// startDemo runs the demo in dir and waits until it reports that it is ready.
func startDemo(t *testing.T, dir string, args ...string) *demo {
	t.Helper()
	monolithAddr, catalogAddr := freeAddr(t), freeAddr(t)
	d := launchDemo(t, []string{"DEMO_CATALOG_ADDR=" + catalogAddr}, append(args, "--data-dir", dir, "--monolith-addr", monolithAddr)...)
	d.monolith, d.catalog = "http://"+monolithAddr, "http://"+catalogAddr
	d.awaitReady()
	return d
}

// startScratchDemo runs the demo on free ports, in its own folder below tmp, and waits until it is ready.
func startScratchDemo(t *testing.T, tmp string, args ...string) *demo {
	t.Helper()
	d := launchDemo(t, []string{"TMPDIR=" + tmp}, append(args, "--monolith-addr", "127.0.0.1:0", "--catalog-addr", ":0")...)
	d.awaitReady()
	shown := regexp.MustCompile(`(?m)^  (?:monolith|catalog) +(http://\S+)`).FindAllStringSubmatch(d.out.String(), -1)
	if len(shown) != 2 {
		t.Fatalf("the addresses are not shown:\n%s", d.out)
	}
	d.monolith, d.catalog = shown[0][1], shown[1][1]
	return d
}

// launchDemo starts the demo.
func launchDemo(t *testing.T, env []string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, done: make(chan struct{}), out: &lockedBuffer{}}
	d.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(binaries, "demo"), args...)
	d.cmd.Env = environment(env...)
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.SysProcAttr = d.out, d.out, dieWithParent()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // the exit code is read from ProcessState
		close(d.done)
	}()
	t.Cleanup(func() {
		d.kill()
		contractsAreKept(t, "demo", d.out.String())
	})
	return d
}

func (d *demo) awaitReady() {
	d.t.Helper()
	d.says(`(?m)^ready`)
}

// says waits until the demo has printed a text that matches.
func (d *demo) says(pattern string) {
	d.t.Helper()
	expression := regexp.MustCompile(pattern)
	eventually(d.t, "the demo says "+pattern, func() bool {
		if expression.MatchString(d.out.String()) {
			return true
		}
		select {
		case <-d.done:
			d.t.Fatalf("the demo ended early:\n%s", d.out)
		default:
		}
		return false
	})
}

func (d *demo) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// kill ends the demo at once, like a crash.
func (d *demo) kill() {
	_ = d.cmd.Process.Kill() // it may have ended already
	<-d.done
}

// stop ends the demo like Ctrl-C, and checks that it ends as promised.
func (d *demo) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(10 * time.Second):
		d.t.Errorf("the demo still runs 10 s after the signal to stop:\n%s", d.out)
		<-d.done
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 || !strings.HasSuffix(d.out.String(), "\nstopped\n") {
		d.t.Errorf("exit code %d\n%s", code, d.out)
	}
}

func (d *demo) create(name string) {
	d.t.Helper()
	call(d.t, http.MethodPost, d.monolith+"/api/v1/product", map[string]any{"name": name, "product_category": "Tests"}).must(d.t, http.StatusCreated)
}

func (d *demo) arrives(name string) {
	d.t.Helper()
	eventually(d.t, name+" arrives", func() bool {
		return len(call(d.t, http.MethodGet, d.catalog+"/catalog/api/v1/products?search="+name, nil).list) == 1
	})
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

// reachable returns a data folder that PostgreSQL can enter, even if it runs as another user.
func reachable(t *testing.T) string {
	t.Helper()
	return filepath.Join(pgtest.Folder(t), "data")
}

// The demo starts, a change travels between the services, and the demo stops without leaving a process behind. It works again
// after a restart and after a crash. When its PostgreSQL ends, the demo ends too.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := reachable(t)
	d := startDemo(t, dir)
	if n := len(call(t, http.MethodGet, d.monolith+"/api/v1/product?include_discontinued=true", nil).list); n != 234 {
		t.Errorf("%d sample products", n)
	}
	d.takeTheTour()
	d.create("demo-one")
	d.arrives("demo-one")

	// Kafka is taken away and comes back.
	for range 2 {
		before := strings.Count(d.out.String(), "Kafka is")
		d.signal(syscall.SIGUSR1)
		eventually(t, "the signal is obeyed", func() bool { return strings.Count(d.out.String(), "Kafka is") > before })
		d.create([]string{"demo-two", "demo-three"}[before%2])
	}
	d.arrives("demo-two")
	d.arrives("demo-three")

	holdOn(t, strings.TrimPrefix(d.monolith, "http://")) // a stop does not wait for this client
	d.stop()
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("processes are left behind: %v", left)
	}

	d = startDemo(t, dir)
	d.create("demo-four")
	d.kill()
	d = startDemo(t, dir)
	for _, name := range []string{"demo-one", "demo-four"} {
		d.arrives(name)
	}

	killPostgres(t, dir)
	<-d.done
	if code := d.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(d.out.String(), "demo: PostgreSQL has ended by itself") {
		t.Errorf("without its PostgreSQL: exit code %d\n%s", code, d.out)
	}
}

// Without a data folder nothing is kept: not after a stop, and not after a crash and another start.
func TestDemoInAScratchFolder(t *testing.T) {
	t.Parallel()
	tmp := filepath.Dir(reachable(t))
	folders := func() []string {
		list, err := filepath.Glob(filepath.Join(tmp, "monsplit-*"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	d := startScratchDemo(t, tmp, "--no-sample-data")
	killed := folders()
	d.kill()
	d = startScratchDemo(t, tmp, "--no-sample-data")
	if now := folders(); len(killed) != 1 || len(now) != 1 || now[0] == killed[0] {
		t.Errorf("folders are %v, were %v before the crash", now, killed)
	}
	if n := len(call(t, http.MethodGet, d.monolith+"/api/v1/product", nil).list); n != 0 {
		t.Errorf("%d products in a demo without sample data", n)
	}
	d.create("scratch-one")
	d.arrives("scratch-one")
	d.stop()
	if left := append(folders(), processesIn(t, tmp)...); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// With external servers, the demo can start several times, and it shows no password.
func TestDemoOnServersOfOthers(t *testing.T) {
	t.Parallel()
	kafka, server, dir := ownBroker(t), pgtest.NewServer(t), reachable(t)
	postgres := strings.Replace(server.NewURL(), "postgres://postgres@", "postgres://postgres:swordfish@", 1)
	d := startDemo(t, dir, "--postgres", postgres, "--no-sample-data")
	d.create("others-one")
	d.arrives("others-one")
	d.stop()
	d = startDemo(t, dir, "--postgres", postgres, "--no-sample-data")
	d.create("others-two")
	d.arrives("others-two")
	d.stop()
	if !strings.Contains(postgres, "swordfish") || strings.Contains(d.out.String(), "swordfish") {
		t.Errorf("a password is shown, or there was none in %s:\n%s", postgres, d.out)
	}

	d = startScratchDemo(t, filepath.Dir(reachable(t)), "--kafka", kafka.Addr, "--no-sample-data")
	d.signal(syscall.SIGUSR1)
	d.says("SIGUSR1 is ignored: the Kafka at")
	d.create("others-three")
	d.arrives("others-three")
	d.stop()
}

// A demo that is still starting stops like a demo that is ready.
func TestDemoStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	dir := reachable(t)
	d := launchDemo(t, nil, "--data-dir", dir, "--monolith-addr", "127.0.0.1:0", "--catalog-addr", "127.0.0.1:0")
	d.says("initializing the database")
	d.signal(syscall.SIGUSR1)
	d.says("SIGUSR1 is ignored")
	d.stop()
	if left := processesIn(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// killPostgres ends the demo's PostgreSQL server like a crash.
func killPostgres(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
}

// processesIn returns the command lines of processes that mention a folder.
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
	free := freeAddr(t)
	tests := map[string]struct {
		args []string
		want string
	}{
		"BusyPort":    {[]string{"--monolith-addr", busy.Addr().String()}, "is taken by another process: stop it, or choose another address with --monolith-addr"},
		"SamePort":    {[]string{"--monolith-addr", free, "--catalog-addr", free}, "--monolith-addr and --catalog-addr both have port"},
		"DataNotKept": {[]string{"--postgres", "postgres://nobody@127.0.0.1:1/x", "--data-dir", ""}, "add --data-dir FOLDER, so that both are kept, or --kafka"},
		"NoPostgres":  {[]string{"--postgres", "postgres://nobody@127.0.0.1:1/x", "--monolith-addr", "127.0.0.1:0", "--catalog-addr", "127.0.0.1:0"}, "connect to PostgreSQL"},
		"UnknownFlag": {[]string{"--nonsense"}, "unknown flag"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, []string{"DEMO_DATA_DIR=" + reachable(t)}, "demo", tt.args...)
			if r.code != 1 || !strings.Contains(r.stderr, tt.want) {
				t.Errorf("exit code %d, want %q in:\n%s", r.code, tt.want, r.stderr)
			}
		})
	}
	if r := command(t, nil, "demo", "--help").ok(t); !strings.Contains(r.stdout, "--data-dir") {
		t.Errorf("--help prints %q", r.stdout)
	}
}
