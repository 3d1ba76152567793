package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// docker runs the docker command.
type docker struct{}

// connect checks that the command docker exists and that an engine answers.
func (d docker) connect(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("docker is missing: install it (https://docs.docker.com/engine/install/; " +
			"Debian and Ubuntu: apt-get install docker.io)")
	}
	out, err := d.run(ctx, nil, "version", "--format", "{{.Server.Version}}")
	switch {
	case err == nil:
		return nil
	case strings.Contains(out, "permission denied"):
		return errors.New("this user may not use the Docker engine: run with sudo, or join the group docker")
	}
	return fmt.Errorf("the Docker engine does not answer: start it (systemctl start docker, or Docker Desktop)\n%w", err)
}

// run returns the command's output. An error contains the end of it.
func (d docker) run(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	var out bytes.Buffer
	err := d.stream(ctx, stdin, &out, args...)
	if err != nil {
		err = fmt.Errorf("docker %s: %w\n%s", args[0], err, tail(out.String(), 25))
	}
	return out.String(), err
}

func (docker) stream(ctx context.Context, stdin io.Reader, out io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "docker", args...) //nolint:gosec // the arguments come from this program
	// This chooses the classic builder. BuildKit needs a plugin that Debian's client does not have.
	cmd.Env = append(cmd.Environ(), "DOCKER_BUILDKIT=0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (d docker) inspect(ctx context.Context, image string) (bool, string, error) {
	out, err := d.run(ctx, nil, "image", "inspect", "--format", "{{json .Config.Labels}}", image)
	if err != nil {
		if strings.Contains(strings.ToLower(out), "no such image") {
			return false, "", nil
		}
		return false, "", err
	}
	var labels map[string]string
	if err := json.Unmarshal([]byte(out), &labels); err != nil {
		return false, "", fmt.Errorf("read the labels of an image: %w", err)
	}
	return true, labels[label], nil
}

func (d docker) remove(ctx context.Context, image string) error {
	out, err := d.run(ctx, nil, "image", "rm", image)
	if err != nil && strings.Contains(out, "container") {
		return fmt.Errorf("a container uses it: remove that first (docker compose down, or docker rm)\n%w", err)
	}
	return err
}

func (d docker) labeled(ctx context.Context) ([]string, error) {
	out, err := d.run(ctx, nil, "image", "ls", "--quiet", "--no-trunc", "--filter", "label="+label)
	return strings.Fields(out), err
}

// build builds an image from the files that fill adds, and returns docker's output.
func (d docker) build(ctx context.Context, fill func(*buildContext) error, args []string) (string, error) {
	read, write := io.Pipe()
	defer read.Close() // ends fill if docker does not read it all
	filled := make(chan error, 1)
	go func() {
		stream := tar.NewWriter(write)
		err := errors.Join(fill(&buildContext{stream}), stream.Close())
		write.CloseWithError(err)
		filled <- err
	}()
	args = append([]string{"build", "--force-rm"}, args...)
	out, err := d.run(ctx, read, append(args, "-")...)
	read.Close()
	if failed := <-filled; err == nil && failed != nil {
		err = failed
	}
	return out, err
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
