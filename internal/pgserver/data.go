package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// passwordFile is kept inside the data folder, which nobody but the server's user may enter.
const passwordFile = "monsplit.password"

// initialize makes the data folder unless there is one. It is made under another name first, so that one that was
// interrupted is never taken for a whole one.
func (s *Server) initialize(ctx context.Context, account account) error {
	if _, err := os.Stat(filepath.Join(s.opts.DataDir, "PG_VERSION")); err == nil {
		return nil
	}
	s.opts.Progress("initializing the database")
	fresh := s.opts.DataDir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := account.give(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", Superuser, "--encoding=UTF8", "--locale=C", "--auth=trust"}
	if !s.opts.Durable {
		args = append(args, "--no-sync")
	}
	secret := fresh + ".password"
	if !s.opts.Trust {
		defer os.Remove(secret)
		if err := os.WriteFile(secret, []byte(rand.Text()), 0o600); err != nil {
			return err
		}
		if err := account.give(secret); err != nil {
			return err
		}
		args = append(args, "--auth=scram-sha-256", "--pwfile="+secret)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), args...)
	cmd.Dir = fresh
	cmd.SysProcAttr = account.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if !s.opts.Trust {
		if err := os.Rename(secret, filepath.Join(fresh, passwordFile)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(s.opts.DataDir); err != nil {
		return err
	}
	return os.Rename(fresh, s.opts.DataDir)
}

func (s *Server) readPassword() error {
	text, err := os.ReadFile(filepath.Join(s.opts.DataDir, passwordFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.password = strings.TrimSpace(string(text))
	return err
}

// stopLeftover stops a server that still runs on dir because the process that started it was killed.
func stopLeftover(ctx context.Context, dir string) error {
	pid := leftover(dir)
	if pid == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("a PostgreSQL server (process %d) runs on %s and cannot be stopped: %w", pid, dir, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for leftover(dir) != 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a PostgreSQL server (process %d) runs on %s and does not stop: end it first", pid, dir)
		case <-tick.C:
		}
	}
	return nil
}

// leftover returns the process that runs on dir, or 0. A pid file that a crash left behind may name a process that is
// not PostgreSQL by now; PostgreSQL itself sees to such a file at its next start.
func leftover(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || syscall.Kill(pid, 0) != nil || !runsPostgres(pid) {
		return 0
	}
	return pid
}

// runsPostgres says whether the process is a PostgreSQL server, as far as the system tells.
func runsPostgres(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		_, noProc := os.Stat("/proc/self")
		return noProc != nil // a system without /proc: the pid file is all there is to go by
	}
	return strings.HasPrefix(string(name), "postgres")
}
