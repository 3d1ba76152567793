package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockData locks dir, so that no other process runs a server on dir with this package. The kernel releases the lock when its
// holder ends, even after kill -9. So if the lock is free and a server runs, the process that started the server has ended.
func lockData(dir string) (*os.File, error) {
	file, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // another process has the lock
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another process runs PostgreSQL on %s: stop it, or choose another data folder", dir)
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	return file, nil
}

// StopLeftover stops a server that still runs on dir because the process that started it was killed. Call it before you remove
// the folder. It returns an error if the process that started the server still runs.
func StopLeftover(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	lock, err := lockData(dir)
	if err != nil {
		return err
	}
	defer lock.Close() // it was opened only for its lock
	return stopLeftover(ctx, dir)
}

// The time that a leftover server has for an orderly stop, and then for an immediate stop.
const (
	leftoverGrace = 5 * time.Second
	leftoverEnd   = 5 * time.Second
)

// stopLeftover stops a server that still runs on dir because the process that started it was killed. The caller holds
// the folder's lock.
func stopLeftover(ctx context.Context, dir string) error {
	if pids := serversOn(dir); len(pids) != 0 {
		if err := stopAll(ctx, dir, pids); err != nil {
			return err
		}
	}
	// PostgreSQL itself removes a pid file whose process has ended. It refuses to start if the number now belongs to another
	// process. But here it is known that no server works on dir.
	if pid := postmaster(dir); pid != 0 && syscall.Kill(pid, 0) == nil {
		return os.Remove(filepath.Join(dir, pidFile))
	}
	return nil
}

func stopAll(ctx context.Context, dir string, pids []int) error {
	if pid := postmaster(dir); slices.Contains(pids, pid) {
		if err := end(syscall.SIGINT, dir, pid); err != nil { // "fast shutdown"
			return err
		}
		if gone(ctx, dir, leftoverGrace) {
			return nil
		}
		pids = serversOn(dir)
	}
	// Children that outlive their postmaster hold its shared memory. PostgreSQL does not start as long as they run.
	for _, pid := range pids {
		if err := end(syscall.SIGQUIT, dir, pid); err != nil {
			return err
		}
	}
	if !gone(ctx, dir, leftoverEnd) {
		return fmt.Errorf("a PostgreSQL server (processes %v) still runs on %s and does not stop: end it first", serversOn(dir), dir)
	}
	return nil
}

func end(sig syscall.Signal, dir string, pid int) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("a PostgreSQL server (process %d) still runs on %s and cannot be stopped: %w", pid, dir, err)
	}
	return nil
}

// gone waits until no server runs on dir, and reports whether that happened in time.
func gone(ctx context.Context, dir string, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(serversOn(dir)) != 0 {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// pidFile returns the path of the postmaster's pid file, in the data folder.
const pidFile = "postmaster.pid"

// postmaster returns the process id in the pid file of dir, or 0. The process may have ended long ago.
func postmaster(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, pidFile))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}
