//go:build compose

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The images that the tests of the contract use. They are the official ones if they can be pulled, or else stand-ins. They
// stay after the tests. After a change of a recipe, run "standins --remove" with their names first.
const (
	postgresImage = "postgres:17.11"
	kafkaImage    = "apache/kafka:4.1.1"
	nginxImage    = "nginx:1.28.0"
	golangImage   = "golang:1.26.11"
)

func TestMain(m *testing.M) {
	if err := run(context.Background(), []string{postgresImage, kafkaImage, nginxImage, golangImage}, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startLimit is long enough for a machine that is busy with other tests.
const startLimit = 2 * time.Minute

// A container is removed, with its anonymous volumes, when its test ends.
type container struct {
	t    *testing.T
	name string
}

// start runs an image in the background. flags are flags of docker run.
func start(t *testing.T, image string, flags ...string) container {
	t.Helper()
	c := container{t, "standins-test-" + strings.ToLower(rand.Text())}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log of %s:\n%s", image, tail(c.logs(), 40))
		}
		dockerOK(t, "rm", "--force", "--volumes", c.name)
	})
	// Java optimizes its code less, because no container runs long enough to gain from it.
	args := append([]string{"run", "--detach", "--name", c.name, "--env", "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1"}, flags...)
	dockerOK(t, append(args, image)...)
	return c
}

// volume makes a named volume, which outlives the containers of a test.
func volume(t *testing.T) string {
	t.Helper()
	name := "standins-test-" + strings.ToLower(rand.Text())
	dockerOK(t, "volume", "create", name)
	t.Cleanup(func() { dockerOK(t, "volume", "rm", name) })
	return name
}

// exec runs a command in the container and returns what it printed.
func (c container) exec(command ...string) (string, error) {
	return docker{}.run(context.Background(), nil, append([]string{"exec", c.name}, command...)...)
}

// sh runs a script in the container. It fails the test unless the script succeeds.
func (c container) sh(script string) string {
	c.t.Helper()
	out, err := c.exec("bash", "-euc", script)
	if err != nil {
		c.t.Fatalf("%s: %v", script, err)
	}
	return strings.TrimSpace(out)
}

func (c container) logs() string {
	out, err := docker{}.run(context.Background(), nil, "logs", c.name)
	if err != nil {
		return err.Error()
	}
	return out
}

// eventually waits until a script in the container succeeds. It fails the test if the container ends before.
func (c container) eventually(script string) {
	c.t.Helper()
	c.until(func() error {
		_, err := c.exec("bash", "-euc", script)
		return err
	})
}

func (c container) until(ok func() error) {
	c.t.Helper()
	deadline := time.NewTimer(startLimit)
	defer deadline.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		if c.inspect("{{.State.Running}}") != "true" {
			c.t.Fatalf("the container ended: %v", err)
		}
		select {
		case <-deadline.C:
			c.t.Fatalf("not within %s: %v", startLimit, err)
		case <-tick.C:
		}
	}
}

func (c container) inspect(format string) string {
	c.t.Helper()
	return strings.TrimSpace(dockerOK(c.t, "inspect", "--format", format, c.name))
}

// fails waits for the end of the container, fails the test unless the container failed, and returns its log.
func (c container) fails() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), startLimit)
	defer cancel()
	code, err := docker{}.run(ctx, nil, "wait", c.name)
	if err != nil {
		c.t.Fatal(err)
	}
	if strings.TrimSpace(code) == "0" {
		c.t.Error("the container ended with 0; want a failure")
	}
	return c.logs()
}

// stop stops the container as Compose does. A container that does not stop within ten seconds is killed, with exit code 137.
func (c container) stop() {
	c.t.Helper()
	dockerOK(c.t, "stop", c.name)
	if code := c.inspect("{{.State.ExitCode}}"); code == "137" {
		c.t.Error("the container did not stop by itself within 10 s")
	}
}

func dockerOK(t *testing.T, args ...string) string {
	t.Helper()
	out, err := docker{}.run(context.Background(), nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// write makes a file for a container to read.
func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("%s: got %q; want %q in it", what, got, part)
	}
}
