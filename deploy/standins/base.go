package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// baseFiles are added to the base image.
var baseFiles = map[string]string{
	"etc/dpkg/dpkg.cfg.d/standins": "path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\npath-exclude=/usr/share/locale/*\n",
	"etc/apt/apt.conf.d/standins":  "APT::Install-Recommends \"false\";\nAPT::Update::Error-Mode \"any\";\n",
	// No package may start its service while it is installed.
	"usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}

// ensureBase makes the base image unless it is there.
func (b builder) ensureBase(ctx context.Context) error {
	if present, _, err := b.engine.inspect(ctx, baseImage); err != nil || present {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the cache folder: %w", err)
	}
	archive, err := baseArchive(filepath.Join(cache, "monsplit"), time.Now(), func(archive string) error {
		start := time.Now()
		if err := makeBase(ctx, archive); err != nil {
			return err
		}
		fmt.Fprintf(b.out, "%s: made by debootstrap in %.0f s\n", baseImage, time.Since(start).Seconds())
		return nil
	})
	if err != nil {
		return err
	}
	_, err = b.engine.run(ctx, nil, "import", "--change", fmt.Sprintf("LABEL %s=%q", label, "Debian bookworm, by debootstrap"),
		archive, baseImage)
	return err
}

// makeBase makes an archive of a minimal Debian.
func makeBase(ctx context.Context, archive string) error {
	if err := canBootstrap(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "standins-")
	if err != nil {
		return err
	}
	defer removeTree(dir)
	root := filepath.Join(dir, "root")
	if err := bootstrap(ctx, root); err != nil {
		return err
	}
	return pack(ctx, root, archive)
}

// removeTree removes a folder, also after an interrupt. It does not enter other file systems, because an interrupted
// debootstrap may have left some mounted there.
func removeTree(dir string) {
	_ = exec.Command("rm", "-rf", "--one-file-system", dir).Run() //nolint:noctx // see above
}

func canBootstrap() error {
	_, err := exec.LookPath("debootstrap")
	missing := err != nil
	switch {
	case missing && os.Geteuid() != 0:
		return errors.New("this needs root and debootstrap: install it (Debian and Ubuntu: apt-get install debootstrap) and run with sudo")
	case missing:
		return errors.New("debootstrap is missing: install it (Debian and Ubuntu: apt-get install debootstrap)")
	case os.Geteuid() != 0:
		return errors.New("debootstrap needs root: run with sudo")
	}
	return nil
}

// bootstrap installs a minimal Debian into the folder root.
func bootstrap(ctx context.Context, root string) error {
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "bookworm", root)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it then unmounts its file systems
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap: %w\n%s", err, tail(string(out), 10))
	}
	for name, text := range baseFiles {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o755); err != nil { //nolint:gosec // policy-rc.d is a script
			return err
		}
	}
	return nil
}

// pack makes an archive of the folder root, without what no stand-in needs.
func pack(ctx context.Context, root, archive string) error {
	cmd := exec.CommandContext(ctx, "tar", "-C", root, "--one-file-system", "--exclude=./dev/*", "--exclude=./var/cache/apt/*",
		"--exclude=./var/lib/apt/lists/*", "--exclude=./usr/share/doc/*", "--exclude=./usr/share/man/*/*",
		"--exclude=./usr/share/locale/*", "-c", "-f", archive, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("tar: %w\n%s", err, tail(string(out), 10))
	}
	return nil
}
