package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// prepareGo takes the Go of this machine.
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
		add:     func(c *buildContext) error { return c.folder("go", root) },
	}, nil
}
