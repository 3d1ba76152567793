package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// certificates is the folder in which Debian and its derivatives keep the certificate authorities of the administrator.
const certificates = "/usr/local/share/ca-certificates"

// prepareGo takes the Go of this machine, and the certificate authorities that the machine trusts in addition to Debian's.
// Without them, no build behind a proxy that inspects TLS could fetch a module.
func prepareGo(ctx context.Context, _ string, _ func(string)) (ingredients, error) {
	if runtime.GOOS != "linux" {
		return ingredients{}, errors.New("this machine's Go is not for Linux")
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return ingredients{}, fmt.Errorf("ask Go for its folder: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return ingredients{}, fmt.Errorf("go env printed %q", out)
	}
	root, err := filepath.EvalSymlinks(lines[0])
	if err != nil {
		return ingredients{}, fmt.Errorf("find Go's folder: %w", err)
	}
	version := strings.TrimPrefix(lines[1], "go")
	return ingredients{
		madeOf:  "this machine's Go " + version + " and Debian bookworm",
		version: version,
		args:    map[string]string{"GOLANG_VERSION": version},
		add: func(c *buildContext) error {
			return errors.Join(c.certificates(certificates), c.folder("go", root))
		},
	}, nil
}

func (c *buildContext) certificates(source string) error {
	files, err := filepath.Glob(filepath.Join(source, "*.crt"))
	if err != nil {
		return err
	}
	if err := c.tar.WriteHeader(&tar.Header{Name: "certificates/", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := c.file("certificates/"+filepath.Base(file), 0o644, data); err != nil {
			return err
		}
	}
	return nil
}
