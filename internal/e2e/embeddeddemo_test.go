//go:build !realkafka

package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
)

// These tests use the broker that is embedded in the demo. make test runs them. A run on a real Kafka would only repeat them.

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
	free := freeport.Addr(t)
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

// What the demo prints for people works when they type it, also when requests need a token.
func TestDemoGuideIsTyped(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"Open": nil, "Tokens": {"--tokens"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startScratchDemo(t, filepath.Dir(reachable(t)), args...)
			status := call(t, http.MethodGet, d.monolith+"/api/v1/product", nil).status
			if want := map[bool]int{false: http.StatusOK, true: http.StatusUnauthorized}[args != nil]; status != want {
				t.Errorf("without a token the answer is %d, want %d", status, want)
			}
			typed := d.guide(t)
			out, err := exec.CommandContext(t.Context(), "bash", "-euc", typed).CombinedOutput() //nolint:gosec // what the demo printed
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, typed, out)
			}
			for _, want := range []string{`"name":"Walnut desk"`, `"market":"DE"`, "pending"} {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing:\n%s\n%s", want, typed, out)
				}
			}
		})
	}
}

// guide returns the commands that the demo has printed, but for the signal. They run the programs that were built for the tests.
func (d *demo) guide(t *testing.T) string {
	t.Helper()
	_, text, found := strings.Cut(d.out.String(), "Sign in as admin")
	if !found {
		t.Fatalf("the demo prints no guide:\n%s", d.out)
	}
	var commands []string
	for line := range strings.Lines(text) {
		command := strings.TrimSpace(line)
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(command, "http") && !strings.HasPrefix(command, "kill") {
			commands = append(commands, command)
		}
	}
	return strings.ReplaceAll(strings.Join(commands, "\n"), "go run ./cmd/", binaries+"/")
}
