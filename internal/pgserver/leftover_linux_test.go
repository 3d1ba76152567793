package pgserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server that does not end with its parent, for example one started in another way, is stopped before the next start.
func TestAnOrphanIsStopped(t *testing.T) {
	t.Parallel()
	opts, pid, ended := orphan(t)
	again, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Kill()
	<-ended
	if serversOn(opts.DataDir)[0] == pid {
		t.Error("the orphan still runs")
	}
}

// StopLeftover stops an orphan, but not a server whose parent still runs.
func TestAnOrphanIsStoppedForGood(t *testing.T) {
	t.Parallel()
	opts, _, ended := orphan(t)
	if err := StopLeftover(t.Context(), opts.DataDir); err != nil {
		t.Fatal(err)
	}
	<-ended
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	if err := StopLeftover(t.Context(), opts.DataDir); err == nil || !server.ready() {
		t.Errorf("a server whose parent still runs: %v", err)
	}
}

// orphan runs a server whose parent process has ended. ended is closed when the server has ended.
func orphan(t *testing.T) (opts Options, pid int, ended chan struct{}) {
	t.Helper()
	parent, err := os.MkdirTemp(scratch(), "monsplit-pgserver-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(parent, 0o711); err != nil {
		t.Fatal(err)
	}
	opts = Options{DataDir: filepath.Join(parent, "pg"), Durable: true,
		Settings: map[string]string{"dynamic_shared_memory_type": "mmap"}}
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	account, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(server.bin, "postgres"), server.arguments()...)
	cmd.SysProcAttr = account.attributes()
	cmd.SysProcAttr.Pdeathsig = 0
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		_ = cmd.Wait() // the test ends it by a signal
		close(ended)
	}()
	server.cmd = cmd
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !server.ready() {
		select {
		case <-deadline:
			t.Fatal("the orphan does not start")
		case <-tick.C:
		}
	}
	return opts, cmd.Process.Pid, ended
}

// scratch returns a folder, in memory if possible.
func scratch() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}

// If the server's user cannot enter the folder, the error comes before anything is written.
func TestAFolderOutOfReachIsNamed(t *testing.T) {
	t.Parallel()
	shut := filepath.Join(t.TempDir(), "shut")
	if err := os.MkdirAll(filepath.Join(shut, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := account{name: "stranger", uid: os.Getuid() + 12345, gid: os.Getgid() + 12345, other: true}
	err := stranger.canReach(filepath.Join(shut, "inner"))
	if err == nil || !strings.Contains(err.Error(), "may not enter "+shut) {
		t.Errorf("error %v does not name %s", err, shut)
	}
	owner := account{name: "owner", uid: os.Getuid(), gid: os.Getgid(), other: true}
	if err := owner.canReach(filepath.Join(shut, "inner")); err != nil {
		t.Errorf("its owner may not enter: %v", err)
	}
}
