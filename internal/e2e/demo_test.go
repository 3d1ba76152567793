package e2e

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
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
	monolithAddr, catalogAddr := freeport.Addr(t), freeport.Addr(t)
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

// reachable returns a data folder that PostgreSQL can enter, even if it runs as another user.
func reachable(t *testing.T) string {
	t.Helper()
	return filepath.Join(pgtest.Folder(t), "data")
}

// With external servers, the demo can start several times, and it shows no password.
func TestDemoOnServersOfOthers(t *testing.T) {
	t.Parallel()
	kafka, server, dir := kafkatest.New(t), pgtest.NewServer(t), reachable(t)
	kafka.Reset(t, topics...) // on a real cluster, no other test uses the names without a prefix
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
