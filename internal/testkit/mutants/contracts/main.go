// Command contracts breaks a contract in a scratch copy of the source, in one way after the other, and demands that the
// check named for it refuses that, for the reason named for it: a check that lets it through, or refuses it because some
// bytes differ, proves nothing.
//
//	go run ./internal/testkit/mutants/contracts [-only TEXT] [-table FILE]
//
// It needs PostgreSQL (run it below withpostgres) and the native library of Pact, and runs at the module's root.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/mutants/scratch"
)

func main() {
	only := flag.String("only", "", "make the mutations whose description contains this")
	table := flag.String("table", "", "write the table, in Markdown, between its marks in this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *table, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contracts-mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only, table string, out io.Writer) error {
	chosen, err := choose(mutations(), only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "monsplit-contracts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &copied{dir: dir, sound: map[string]error{}}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	var rows []row
	escaped := 0
	for _, m := range chosen {
		started := time.Now()
		found, err := c.try(ctx, m)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			escaped++
			found = "ESCAPED: " + err.Error()
		}
		rows = append(rows, row{m.what, m.gate.name, found})
		fmt.Fprintf(out, "%-52s  %-22s %5.1fs  %s\n", m.what, m.gate.name, time.Since(started).Seconds(), found)
	}
	fmt.Fprintf(out, "%d of %d mutations caught\n", len(chosen)-escaped, len(chosen))
	if escaped > 0 {
		return errors.New("a contract can be broken without the check noticing, or a mutation is out of date")
	}
	if table != "" {
		return writeTable(table, rows)
	}
	return nil
}

func choose(all []mutation, only string) (chosen []mutation, err error) {
	for _, m := range all {
		if strings.Contains(m.what, only) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no mutation's description contains %q", only)
	}
	return chosen, nil
}

// copied is the scratch copy: a repository of one commit, so that there is something to compare with.
type copied struct {
	dir   string
	sound map[string]error // by gate: whether it passes on the copy as it is
}

func (c *copied) prepare(ctx context.Context) error {
	if err := scratch.Copy(ctx, c.dir); err != nil {
		return err
	}
	tools, err := filepath.Abs(".tools")
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"},
		{"-c", "user.name=mutants", "-c", "user.email=mutants@localhost", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "As it is"},
	} {
		if out, err := scratch.Command(ctx, c.dir, "git", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
	}
	return os.Symlink(tools, filepath.Join(c.dir, ".tools"))
}

// try makes the mutation, and returns the line in which its gate gave the reason that is expected.
func (c *copied) try(ctx context.Context, m mutation) (reason string, err error) {
	if err := c.passes(ctx, m.gate); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.restore(ctx, m)) }()
	for _, e := range m.edits {
		if err := c.edit(e); err != nil {
			return "", err
		}
	}
	out, failed := m.gate.run(ctx, c.dir)
	if failed == nil {
		return "", errors.New("the check passes")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, m.reason) {
			return strings.TrimSpace(line), nil
		}
	}
	return "", fmt.Errorf("refused for another reason than %q:\n%s", m.reason, out)
}

// passes makes sure, once for each gate, that it passes on the source as it is: else its failure would mean nothing.
func (c *copied) passes(ctx context.Context, g gate) error {
	key := strings.Join(g.command, " ")
	if _, known := c.sound[key]; !known {
		out, err := g.run(ctx, c.dir)
		if err != nil {
			err = fmt.Errorf("the check fails without the mutation: %w\n%s", err, out)
		}
		c.sound[key] = err
	}
	return c.sound[key]
}

func (c *copied) edit(e edit) error {
	path := filepath.Join(c.dir, e.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte(e.old)); n != 1 {
		return fmt.Errorf("out of date: %s holds %q %d times, not once", e.file, e.old, n)
	}
	return os.WriteFile(path, bytes.Replace(text, []byte(e.old), []byte(e.mutated), 1), 0o644)
}

func (c *copied) restore(ctx context.Context, m mutation) error {
	args := []string{"checkout", "-q", "--"}
	for _, e := range m.edits {
		args = append(args, e.file)
	}
	if out, err := scratch.Command(ctx, c.dir, "git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("take the mutation back: %w: %s", err, out)
	}
	return nil
}
