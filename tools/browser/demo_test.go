package browser

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startPatience = 3 * time.Minute // the demo may have to fetch PostgreSQL
	stopPatience  = 20 * time.Second
)

// services has the addresses of the running services by name, and the URLs of their databases.
type services map[string]string

// admin returns the addresses of the admin pages by the name of the service.
func (at services) admin() map[string]string {
	return map[string]string{"monolith": at["monolith"] + "/admin", "catalog": at["catalog"] + "/catalog/admin"}
}

// startDemo builds the demo and runs it with its sample data until the test ends. The demo checks every answer and every event.
// It reports each one that its document does not describe on stderr, and every other problem. The test fails on such a report.
func startDemo(t *testing.T) services {
	t.Helper()
	dir := reachable(t)
	binary := filepath.Join(dir, "demo")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/demo")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary,
		"--data-dir", filepath.Join(dir, "data"), "--monolith-addr", "127.0.0.1:0", "--catalog-addr", "127.0.0.1:0")
	out, complaints := &awaited{line: regexp.MustCompile(`(?m)^ready`), there: make(chan struct{})}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, complaints, dieWithParent()
	cmd.WaitDelay = time.Second // processes that it left behind may keep its output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // other tests check how the demo stops
		close(ended)
	}()
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		select {
		case <-ended:
		case <-time.After(stopPatience):
			_ = cmd.Process.Kill()
			<-ended
		}
		if complaints.Len() > 0 {
			t.Errorf("the demo complains:\n%s", complaints)
		}
	})
	t.Cleanup(stop)
	select {
	case <-out.there:
	case <-ended:
		t.Fatalf("the demo ended early:\n%s", &out.said)
	case <-time.After(startPatience):
		stop()
		t.Fatalf("the demo is not ready after %s:\n%s", startPatience, &out.said)
	}
	found := services{}
	for _, line := range regexp.MustCompile(`(?m)^  (monolith|catalog) +(http://[^\s/]+)`).FindAllStringSubmatch(out.said.String(), -1) {
		found[line[1]] = line[2]
	}
	if database := regexp.MustCompile(`DATABASE_URL='(.*/)monolith(\?.*)'`).FindStringSubmatch(out.said.String()); database != nil {
		found["monolith database"], found["catalog database"] = database[1]+"monolith"+database[2], database[1]+"catalog"+database[2]
	}
	if len(found) != 4 {
		t.Fatalf("the demo shows no addresses:\n%s", &out.said)
	}
	return found
}

// awaited stores what is written, and signals when the awaited line has arrived.
type awaited struct {
	said  bytes.Buffer
	line  *regexp.Regexp
	there chan struct{}
}

func (a *awaited) Write(p []byte) (int, error) {
	a.said.Write(p)
	if a.line != nil && a.line.Match(a.said.Bytes()) {
		a.line = nil
		close(a.there)
	}
	return len(p), nil
}

// reachable returns a folder that PostgreSQL can enter, even if it runs as another user.
func reachable(t *testing.T) string {
	t.Helper()
	// t.TempDir is not suitable, because only its owner may enter its parent.
	dir, err := os.MkdirTemp("", "monsplit-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
