package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/serviceframe"
)

// patience is the time that a test waits for an expected event. It is enough for a slow machine with the race detector.
const patience = 60 * time.Second

// process is a running instance of a service.
type process struct {
	t    *testing.T
	name string
	addr string // host:port of its HTTP server
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  *lockedBuffer
}

// start runs "NAME serve" with this environment and waits until the service is ready.
func start(t *testing.T, name string, env ...string) *process {
	t.Helper()
	p := launch(t, name, env...)
	eventually(t, name+" is ready", func() bool {
		return p.ended() || status(p.url("/readyz")) == http.StatusOK
	})
	if p.ended() {
		t.Fatalf("%s ended early:\n%s", name, p.log)
	}
	return p
}

// launch is like start, for a service that cannot be ready yet. It waits until the service listens.
func launch(t *testing.T, name string, env ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, done: make(chan struct{}), log: &lockedBuffer{}}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(binaries, name), "serve")
	p.cmd.Env = environment(append([]string{"HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=text", "SHUTDOWN_DELAY=0s"}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	// A test binary that is killed must not leave services behind.
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is read from ProcessState
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		contractsAreKept(t, name, p.log.String())
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, tail(withoutRequests(p.log.String()), 12_000))
		}
	})
	eventually(t, name+" listens", func() bool {
		p.addr = listenAddress(p.log.String())
		return p.addr != "" || p.ended()
	})
	if p.ended() {
		t.Fatalf("%s ended early:\n%s", name, p.log)
	}
	return p
}

// contractsAreKept fails the test if the service has logged an answer or an event that its document does not describe.
func contractsAreKept(t *testing.T, name, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if strings.Contains(line, serviceframe.UndescribedAnswer) || strings.Contains(line, serviceframe.UndescribedEvent) {
			t.Errorf("%s: %s", name, line)
		}
	}
}

func (p *process) url(path string) string { return "http://" + p.addr + path }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the process at once, like a crash.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// terminate asks the process to stop and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("SIGTERM to %s: %v", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s does not stop:\n%s", p.name, p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

// freeze pauses the process without its notice (SIGSTOP), like a long pause of its machine. thaw lets it continue.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s to %s: %v", s, p.name, err)
	}
}

// listenAddress returns the address in the line that the HTTP server logs when it listens.
func listenAddress(log string) string {
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "listening") {
			continue
		}
		for field := range strings.FieldsSeq(line) {
			if addr, ok := strings.CutPrefix(field, "addr="); ok {
				return addr
			}
		}
	}
	return ""
}

// environment returns the environment of the test without the settings in a developer's shell, and with more variables.
func environment(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "DATABASE_URL", "KAFKA_BROKERS", "HTTP_ADDR", "LOG_LEVEL", "LOG_FORMAT", "SHUTDOWN_GRACE", "SHUTDOWN_DELAY":
		default:
			env = append(env, v)
		}
	}
	return append(env, more...)
}

// eventually fails the test if cond does not become true in time.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			t.Fatalf("timed out after %s waiting until %s", patience, what)
		case <-tick.C:
		}
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// withoutRequests removes the lines about requests, because there are too many.
func withoutRequests(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "msg=request ") || !strings.Contains(line, "status=2") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}
