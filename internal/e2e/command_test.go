package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// result has the output of a finished command and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

// command runs a service's binary to its end. A last argument "<TEXT" is its stdin.
func command(t *testing.T, env []string, name string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, name))
	for _, a := range args {
		if text, ok := strings.CutPrefix(a, "<"); ok {
			cmd.Stdin = strings.NewReader(text)
		} else {
			cmd.Args = append(cmd.Args, a)
		}
	}
	cmd.Env = environment(env...)
	return finish(t, cmd)
}

// finish runs a command to its end. Any goroutine may call it. If the command cannot run, the exit code is -1.
func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Errorf("%v: %v", cmd.Args, err)
		return result{stderr: err.Error(), code: -1}
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// ok fails the test unless the command succeeded.
func (r result) ok(t *testing.T) result {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	return r
}

// instance returns the name under which a process registers its relay. It ends in the process id.
func (p *process) instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprint(host, ":", p.cmd.Process.Pid)
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := newSystem(t)

	bad := "name,product_category\n,Tests\nGood,Tests\n" + strings.Repeat("x", 101) + "," + strings.Repeat("y", 26) + "\n"
	r := command(t, s.env(s.monolithDB), "monolith", "import", "-", "<"+bad)
	if r.code == 0 || !contains(r.stderr, "2: name") || !contains(r.stderr, "4: name") || !contains(r.stderr, "4: product_category") {
		t.Errorf("faults are reported without their lines: %+v", r)
	}
	if n := rows(t, s.monolithDB, `SELECT count(*) FROM product`); n[0] != "0" {
		t.Errorf("%s products were written in spite of the faults", n[0])
	}

	r = command(t, s.env(s.monolithDB), "monolith", "import").ok(t)
	if !contains(r.stdout, "234 created") || r.stderr != "" {
		t.Errorf("import printed %q %q", r.stdout, r.stderr)
	}
	command(t, s.env(s.catalogDB), "catalog", "import", "--wait=60s").ok(t)
	s.settled()
	events := rows(t, s.monolithDB, `SELECT count(*) FROM outbox`)
	r = command(t, s.env(s.monolithDB), "monolith", "import").ok(t)
	if again := rows(t, s.monolithDB, `SELECT count(*) FROM outbox`); again[0] != events[0] || !contains(r.stdout, "234 unchanged") {
		t.Errorf("importing again: %s events, were %s; printed %q", again[0], events[0], r.stdout)
	}
	command(t, s.env(s.monolithDB), "monolith", "import", "--generate=500").ok(t)
	command(t, s.env(s.monolithDB), "monolith", "import", "-", "--format=json", `<[{"name":"From JSON","product_category":"Tests"}]`).ok(t)
	s.settled()
	if markets := rows(t, s.catalogDB, `SELECT count(*) FROM market`); markets[0] != "249" {
		t.Errorf("%s markets, ISO 3166-1 has 249", markets[0])
	}
}

// A poisoned event delays no other event and is kept. A command can replay or discard it (invariant 6).
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createMarket("BE")
	s.createProduct("Before the poison")
	s.settled()

	// The relay of the owner publishes it. It would halt if another producer wrote to its topic.
	poison := event.Message{ID: uuid.New(), Topic: productTopic, Key: uuid.NewString(), Version: 1, Type: "poison.v1",
		Payload: []byte("this is not an event")}
	appendEvent(t, s.monolithDB, poison)
	s.createProduct("Behind the poison")
	s.settled()
	env := s.env(s.catalogDB)
	eventually(t, "the dead letter is listed", func() bool {
		return contains(command(t, env, "catalog", "dead-letters", "list").ok(t).stdout, poison.Key)
	})
	id := rows(t, s.catalogDB, `SELECT id FROM dead_letter WHERE state = 'open'`)[0]
	if r := command(t, env, "catalog", "dead-letters", "show", id).ok(t); !contains(r.stdout, "this is not an event") {
		t.Errorf("show prints %q", r.stdout)
	}
	if r := command(t, env, "catalog", "dead-letters", "replay", id); r.code == 0 || r.stderr == "" {
		t.Errorf("a replay that fails again must report it: %+v", r)
	}
	command(t, env, "catalog", "dead-letters", "discard", id, "--reason=nonsense by hand").ok(t)
	if open := rows(t, s.catalogDB, `SELECT id FROM dead_letter WHERE state = 'open'`); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
	if r := command(t, env, "catalog", "dead-letters", "discard", "999999"); r.code == 0 || r.stderr == "" {
		t.Errorf("discarding a missing dead letter: %+v", r)
	}
}

// appendEvent commits an event that no change belongs to.
func appendEvent(t *testing.T, db string, m event.Message) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error { return outbox.Append(t.Context(), tx, m) }); err != nil {
		t.Fatal(err)
	}
}

func contains(s, part string) bool { return strings.Contains(s, part) }
