package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/monsplit/monsplit/internal/pgserver"
)

// openDataDir creates the data folder and locks it against a second demo. "" means a scratch folder, which release removes.
func openDataDir(ctx context.Context, dir string, said *narrator) (path string, release func(), err error) {
	if dir == "" {
		removeLeftovers(ctx, os.TempDir(), said)
		return openScratch(os.TempDir())
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("create the data folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = lock.Close() }, nil // it was opened only for its lock
}

// A scratch folder has the first prefix until it is locked, and then the second one. A later demo removes a folder with the
// second prefix that is not locked, because its process has ended.
const (
	freshPrefix   = "monsplit-starting-"
	scratchPrefix = "monsplit-demo-"
)

func openScratch(parent string) (path string, release func(), err error) {
	fresh, err := os.MkdirTemp(parent, freshPrefix)
	if err != nil {
		return "", nil, err
	}
	// If the demo runs as root, PostgreSQL runs as another user. That user must be able to enter the folder.
	if err := os.Chmod(fresh, 0o711); err != nil {
		return "", nil, err
	}
	lock, err := lockFolder(fresh)
	if err != nil {
		return "", nil, err
	}
	dir := filepath.Join(parent, scratchPrefix+strings.TrimPrefix(filepath.Base(fresh), freshPrefix))
	if err := os.Rename(fresh, dir); err != nil {
		return "", nil, err
	}
	return dir, func() {
		_ = os.RemoveAll(dir) // the next demo removes what stays
		_ = lock.Close()
	}, nil
}

// lockFolder locks a folder until the file is closed or the process ends, also by kill -9.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // another demo has the lock
		return nil, fmt.Errorf("another demo is using %s: stop it, or choose another folder with --data-dir", dir)
	}
	return lock, nil
}

// removeLeftovers removes the scratch folders of demos that were killed, and stops their PostgreSQL if it still runs. A
// folder that cannot be removed does not prevent the start.
func removeLeftovers(ctx context.Context, parent string, said *narrator) {
	dirs, _ := filepath.Glob(filepath.Join(parent, scratchPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		if !ours(dir) {
			continue
		}
		lock, err := lockFolder(dir)
		if err != nil {
			continue // its demo is running
		}
		said.step("removing " + dir + ", left behind by a demo that was killed")
		err = pgserver.StopLeftover(ctx, postgresFolder(dir))
		if err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			said.line(fmt.Sprintf("%s could not be removed: %v", dir, err))
		}
		_ = lock.Close() // it was opened only for its lock
	}
}

// ours reports whether dir is a folder of this user. Other users may put anything into the folder for temporary files, also
// links to other data.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && int(info.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}

// postgresFolder returns the data folder of the demo's own PostgreSQL.
func postgresFolder(dir string) string { return filepath.Join(dir, "postgres") }
