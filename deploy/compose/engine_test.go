//go:build compose

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// commands are the commands of Docker Compose: of version 2 and of version 1.29.
var commands = [][]string{{"docker", "compose"}, {"docker-compose"}}

// installed returns the commands that this machine has.
func installed(t *testing.T) (list [][]string) {
	t.Helper()
	for _, c := range commands {
		if out, err := exec.CommandContext(t.Context(), c[0], append(c[1:], "version")...).CombinedOutput(); err == nil {
			t.Logf("%s: %s", strings.Join(c, " "), strings.SplitN(string(out), "\n", 2)[0])
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		t.Fatal("Docker Compose is missing: install it (https://docs.docker.com/compose/install/; Debian: apt-get install docker-compose)")
	}
	return list
}

// stack is one project of Docker Compose.
type stack struct {
	t       *testing.T
	command []string
	project string
	env     map[string]string // variables of the compose file
}

// newStack returns a stack that has not been started. It uses free ports and its own network. It is removed when the test
// ends.
func newStack(t *testing.T, command []string) *stack {
	t.Helper()
	port := func() string { return strconv.Itoa(freeport.Port(t)) }
	s := &stack{t: t, command: command, project: "monsplit-test-" + strconv.Itoa(os.Getpid()), env: map[string]string{
		"MONOLITH_PORT": port(), "CATALOG_PORT": port(), "GATEWAY_PORT": port(), "KAFKA_PORT": port(),
		"MONSPLIT_VERSION": "test", "MONSPLIT_REVISION": "0123abc",
		"MONSPLIT_SUBNET": "172.30.98.0/24", "MONSPLIT_IP_RANGE": "172.30.98.128/25", "GATEWAY_ADDRESS": "172.30.98.10",
		"KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m -XX:TieredStopAtLevel=1", // it runs too short to gain from more optimization
	}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.try("logs", "--no-color", "--tail", "15"))
		}
		if out, err := s.run(context.WithoutCancel(t.Context()), "down", "--volumes", "--timeout", "20"); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
		for _, service := range services.Names(t) {
			docker(t, "image", "rm", "--force", "monsplit/"+service+":test")
		}
	})
	return s
}

// run runs a command of Docker Compose.
func (s *stack) run(ctx context.Context, args ...string) (string, error) {
	line := slices.Concat(s.command[1:], []string{"--project-name", s.project, "--file", file}, args)
	cmd := exec.CommandContext(ctx, s.command[0], line...) //nolint:gosec // the arguments come from the tests
	cmd.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		cmd.Env = append(cmd.Env, name+"="+s.env[name])
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *stack) try(args ...string) string {
	out, err := s.run(context.WithoutCancel(s.t.Context()), args...)
	if err != nil {
		out += "\n" + err.Error()
	}
	return out
}

func (s *stack) must(args ...string) string {
	s.t.Helper()
	out, err := s.run(s.t.Context(), args...)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// docker runs a command of Docker.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", args...) //nolint:gosec // as above
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("docker %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), problems.String())
	}
	return out.String()
}

// logs returns what a container has printed.
func logs(t *testing.T, id string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "logs", id).CombinedOutput()
	if err != nil {
		t.Fatalf("docker logs %s: %v\n%s", id, err, out)
	}
	return string(out)
}

// containers returns the ids of a service's containers, including containers that have ended.
func (s *stack) containers(service string) []string {
	s.t.Helper()
	return strings.Fields(docker(s.t, "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+s.project,
		"--filter", "label=com.docker.compose.service="+service))
}

// volumes returns the names of the volumes that the project's containers use.
func (s *stack) volumes() []string {
	s.t.Helper()
	ids := strings.Fields(docker(s.t, "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+s.project))
	const names = `{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}`
	return strings.Fields(docker(s.t, append([]string{"inspect", "--format", names}, ids...)...))
}

func (s *stack) container(service string) string {
	s.t.Helper()
	ids := s.containers(service)
	if len(ids) != 1 {
		s.t.Fatalf("%s has %d containers", service, len(ids))
	}
	return ids[0]
}

// inspected is the part of the engine's answer about a container or an image that the tests use.
type inspected struct {
	Size   int64 // of an image, in bytes
	Config struct {
		User        string
		Labels      map[string]string
		Healthcheck *struct{ Test []string }
	}
	State struct {
		Status   string
		ExitCode int
		Health   *struct{ Status string }
	}
	HostConfig struct {
		ReadonlyRootfs bool
		CapDrop        []string
		SecurityOpt    []string
	}
}

func inspect(t *testing.T, id string) inspected {
	t.Helper()
	var list []inspected
	if err := json.Unmarshal([]byte(docker(t, "inspect", id)), &list); err != nil || len(list) != 1 {
		t.Fatalf("inspect %s: %d objects, %v", id, len(list), err)
	}
	return list[0]
}

// kill sends SIGKILL to a service's only container.
func (s *stack) kill(service string) {
	s.t.Helper()
	docker(s.t, "kill", "--signal", "KILL", s.container(service))
}

// awaitHealthy waits until every container of a service is healthy.
func (s *stack) awaitHealthy(service string) {
	s.t.Helper()
	eventually(s.t, service+" is healthy", func() error {
		for _, id := range s.containers(service) {
			if state := inspect(s.t, id).State; state.Health == nil || state.Health.Status != "healthy" {
				return fmt.Errorf("a container is %s, %+v", state.Status, state.Health)
			}
		}
		return nil
	})
}

// patience limits every wait. It is far more than any step takes.
const patience = 90 * time.Second

// eventually calls ask until it returns no error.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

// needEngine returns an error that says what to do if no Docker Engine answers.
func needEngine(ctx context.Context) error {
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("docker is missing: install Docker Engine (https://docs.docker.com/engine/install/; Debian: apt-get install docker.io)")
	}
	if out, err := exec.CommandContext(ctx, "docker", "info").CombinedOutput(); err != nil {
		return fmt.Errorf("the Docker Engine does not answer: start it (systemctl start docker)\n%s", out)
	}
	return nil
}
