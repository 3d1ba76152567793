// Command contractmutants breaks contracts in a scratch copy of the source, in one way after another. For each mutation it
// demands that the named check refuses it for the named reason. A check that accepts it, or refuses it only because some
// bytes differ, proves nothing.
//
//	go run ./internal/testkit/cmd/contractmutants [-only TEXT] [-table FILE]
//
// It needs PostgreSQL (run it with withpostgres) and the native library of Pact. Run it in the module's root.
package main

import (
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

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

func main() {
	only := flag.String("only", "", "make only the mutations whose description contains this text")
	table := flag.String("table", "", "write the table as Markdown between its marks in this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *table, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contracts-mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only, table string, out io.Writer) error {
	if only != "" && table != "" {
		return errors.New("-only and -table do not go together: the table must list all mutations")
	}
	chosen, err := choose(mutations(), only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "monsplit-contracts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := newCopied(dir)
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
		rows = append(rows, row{m, found})
		fmt.Fprintf(out, "%-52s  %-22s %5.1fs  %s\n", m.what, m.gate.name, time.Since(started).Seconds(), found)
	}
	fmt.Fprintf(out, "%d of %d mutations caught\n", len(chosen)-escaped, len(chosen))
	if escaped > 0 {
		return errors.New("a check does not notice a broken contract, or a mutation is out of date")
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

// copied is the scratch copy: a repository with one commit, to compare with.
type copied struct {
	dir   string
	sound map[string]sound // by the gate's command
}

// sound is the result of a gate on the copy without a mutation.
type sound struct {
	out []byte
	err error
}

func newCopied(dir string) *copied { return &copied{dir: dir, sound: map[string]sound{}} }

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

// try makes the mutation, and returns the line in which its gate printed the expected reason.
func (c *copied) try(ctx context.Context, m mutation) (found string, err error) {
	asItIs := c.asItIs(ctx, m.gate)
	if asItIs.err != nil {
		return "", asItIs.err
	}
	if line := lineWith(asItIs.out, m.reason); line != "" {
		return "", fmt.Errorf("%q proves nothing: the check also prints it without the mutation: %s", m.reason, line)
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
	if line := lineWith(out, m.reason); line != "" {
		return line, nil
	}
	return "", fmt.Errorf("refused for another reason than %q:\n%s", m.reason, out)
}

// lineWith returns the first line that contains the text, or "".
func lineWith(out []byte, text string) string {
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// asItIs runs the gate once on the source without a mutation. If it fails there too, its failure proves nothing.
func (c *copied) asItIs(ctx context.Context, g gate) sound {
	key := strings.Join(g.command, " ")
	if _, known := c.sound[key]; !known {
		out, err := g.run(ctx, c.dir)
		if err != nil {
			err = fmt.Errorf("the check fails without the mutation: %w\n%s", err, out)
		}
		c.sound[key] = sound{out, err}
	}
	return c.sound[key]
}

func (c *copied) edit(e edit) error {
	path := filepath.Join(c.dir, e.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	mutated, err := e.apply(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(mutated), 0o644)
}

func (c *copied) restore(ctx context.Context, m mutation) error {
	args := []string{"checkout", "-q", "--"}
	for _, e := range m.edits {
		args = append(args, e.file)
	}
	if out, err := scratch.Command(ctx, c.dir, "git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("undo the mutation: %w: %s", err, out)
	}
	return nil
}
