package browser

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// services are the running services' addresses by name.
type services map[string]string

// startDemo builds the demo and runs it, with its sample data, until the test ends.
func startDemo(t *testing.T) services {
	t.Helper()
	dir := reachable(t)
	binary := filepath.Join(dir, "demo")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./internal/demo")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	monolith, catalog := freeAddr(t), freeAddr(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary,
		"--data-dir", filepath.Join(dir, "data"), "--monolith-addr", monolith, "--catalog-addr", catalog)
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, dieWithParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()                          // a demo that stops badly is its own tests' matter
	})
	lines, said := bufio.NewScanner(out), ""
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "ready") {
		said += lines.Text() + "\n"
	}
	if !strings.HasPrefix(lines.Text(), "ready") {
		t.Fatalf("the demo ended early:\n%s", said)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // or the demo would wait for its reader
	return services{"monolith": "http://" + monolith, "catalog": "http://" + catalog}
}

// reachable is a folder that PostgreSQL can pass to, even where it runs as another user.
func reachable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
