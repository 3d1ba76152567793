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

// openDataDir makes the data folder and locks it against a second demo. "" is a scratch folder, which release removes.
func openDataDir(ctx context.Context, dir string, said *narrator) (path string, release func(), err error) {
	if dir == "" {
		removeLeftovers(ctx, os.TempDir(), said)
		return openScratch(os.TempDir())
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return "", nil, err
	}
	return dir, func() { _ = lock.Close() }, nil // it was opened for its lock alone
}

// A scratch folder has the first name until it is locked, and the second as long as somebody may remove it whose process
// has ended.
const (
	freshPrefix   = "monsplit-starting-"
	scratchPrefix = "monsplit-demo-"
)

func openScratch(parent string) (path string, release func(), err error) {
	fresh, err := os.MkdirTemp(parent, freshPrefix)
	if err != nil {
		return "", nil, err
	}
	// As root, PostgreSQL runs as another user, who has to pass.
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
		_ = os.RemoveAll(dir) // what cannot be removed is for the next demo
		_ = lock.Close()
	}, nil
}

// lockFolder locks a folder until its process ends, kill -9 included.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // it is not ours
		return nil, fmt.Errorf("another demo is using %s: stop it, or choose another folder by --data-dir", dir)
	}
	return lock, nil
}

// removeLeftovers removes the scratch folders of demos that were killed, and stops their PostgreSQL where it outlived
// them. What cannot be removed is no reason not to start.
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
		said.step("removing " + dir + ", which a demo that was killed left behind")
		err = pgserver.StopLeftover(ctx, postgresFolder(dir))
		if err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			said.line(fmt.Sprintf("%s stays: %v", dir, err))
		}
		_ = lock.Close() // it was opened for its lock alone
	}
}

// ours says whether dir is a folder that nobody else has made: others may put anything into a folder for temporary files,
// links to other people's data too.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && int(info.Sys().(*syscall.Stat_t).Uid) == os.Geteuid()
}

// postgresFolder is where the demo's own PostgreSQL keeps its data.
func postgresFolder(dir string) string { return filepath.Join(dir, "postgres") }
