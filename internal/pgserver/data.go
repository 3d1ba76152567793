package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// passwordFile is in the data folder. Only the server's user may enter that folder.
const passwordFile = "monsplit.password"

// initialize creates the data folder if it does not exist. It first creates the folder under another name, so that an
// interrupted initdb never looks complete. It does not change a folder that contains anything else.
func (s *Server) initialize(ctx context.Context, account account) error {
	if _, err := os.Stat(filepath.Join(s.opts.DataDir, "PG_VERSION")); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the data folder: %w", err)
	}
	if entries, err := os.ReadDir(s.opts.DataDir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty and has no PostgreSQL data: choose another data folder", s.opts.DataDir)
	}
	s.opts.Progress("initializing the database")
	fresh := s.opts.DataDir + ".initdb"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	if err := account.give(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", Superuser, "--encoding=UTF8", "--locale=C"}
	if !s.opts.Durable {
		args = append(args, "--no-sync")
	}
	secret := fresh + ".password"
	if s.opts.Trust {
		args = append(args, "--auth=trust")
	} else {
		defer os.Remove(secret)
		if err := os.WriteFile(secret, []byte(rand.Text()), 0o600); err != nil {
			return err
		}
		if err := account.give(secret); err != nil {
			return err
		}
		args = append(args, "--auth=scram-sha-256", "--pwfile="+secret)
	}
	if err := s.initdb(ctx, account, args); err != nil {
		return err
	}
	if !s.opts.Trust {
		if err := os.Rename(secret, filepath.Join(fresh, passwordFile)); err != nil {
			return err
		}
	}
	// Remove refuses a folder that another process has filled meanwhile.
	if err := os.Remove(s.opts.DataDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, s.opts.DataDir)
}

func (s *Server) initdb(ctx context.Context, account account, args []string) error {
	// As for the server, the thread must live as long as the process that it starts.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), args...)
	cmd.Dir = filepath.Dir(s.opts.DataDir)
	cmd.SysProcAttr = account.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) readPassword() error {
	text, err := os.ReadFile(filepath.Join(s.opts.DataDir, passwordFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	s.password = strings.TrimSpace(string(text))
	return err
}
