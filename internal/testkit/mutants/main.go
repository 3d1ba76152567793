// Command mutants takes one central mechanism at a time out of a scratch copy of the source and demands that the test
// named for it fails: a test that passes without the mechanism proves nothing.
//
//	go run ./internal/testkit/mutants [-only NAME]
//
// Each file in patches/ is a patch (as "git diff" writes it) after a header of three lines, "Mechanism: …",
// "Package: …" and "Test: …". A patch that no longer applies is a failure too.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	only := flag.String("only", "", "run the patches whose name contains this")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, out io.Writer) error {
	mutants, err := load(filepath.Join("internal", "testkit", "mutants", "patches"), only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "monsplit-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(ctx, dir); err != nil {
		return err
	}
	survivors := 0
	for _, m := range mutants {
		started := time.Now()
		verdict := m.try(ctx, dir)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		result := "caught"
		if verdict != nil {
			survivors++
			result = "FAILED: " + verdict.Error()
		}
		fmt.Fprintf(out, "%-28s %-46s %5.1fs  %s\n", m.name, m.test, time.Since(started).Seconds(), result)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(mutants)-survivors, survivors)
	if survivors > 0 {
		return errors.New("a mechanism can be taken out without its test noticing, or a patch is out of date")
	}
	return nil
}

// mutant is one patch and the test that has to notice it.
type mutant struct {
	name, file           string
	mechanism, pkg, test string
}

var header = regexp.MustCompile(`^Mechanism: (.+)\nPackage: (\./\S+)\nTest: (Test\S+)\n`)

func load(folder, only string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		match := header.FindSubmatch(text)
		if match == nil {
			return nil, fmt.Errorf("%s: the header has to be the lines Mechanism, Package and Test", file)
		}
		absolute, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".patch"), file: absolute,
			mechanism: string(match[1]), pkg: string(match[2]), test: string(match[3])}
		if strings.Contains(m.name, only) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no patch in %s matches %q", folder, only)
	}
	return mutants, nil
}

// try returns nil when the test passes on the source as it is and fails on the patched one.
func (m mutant) try(ctx context.Context, dir string) error {
	if out, err := m.runTest(ctx, dir); err != nil {
		return fmt.Errorf("the test fails without the patch:\n%s", out)
	}
	if out, err := command(ctx, dir, "git", "apply", "--unidiff-zero", m.file).CombinedOutput(); err != nil {
		return fmt.Errorf("the patch no longer applies; make it anew for %q:\n%s", m.mechanism, out)
	}
	out, failed := m.runTest(ctx, dir)
	if undo, err := command(ctx, dir, "git", "apply", "--unidiff-zero", "-R", m.file).CombinedOutput(); err != nil {
		return fmt.Errorf("take the patch back: %w\n%s", err, undo)
	}
	switch {
	case failed == nil:
		return fmt.Errorf("the test passes without %q", m.mechanism)
	case !bytes.Contains(out, []byte("--- FAIL: "+m.test)):
		return fmt.Errorf("something else than the test failed:\n%s", out)
	}
	return nil
}

func (m mutant) runTest(ctx context.Context, dir string) ([]byte, error) {
	return command(ctx, dir, "go", "test", "-count=1", "-timeout=3m", "-run=^"+m.test+"$", m.pkg).CombinedOutput()
}

func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	// A repository further up must not make "git apply" skip files.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	return cmd
}

// copyTree copies what git knows or would add: the source as it is now, committed or not.
func copyTree(ctx context.Context, dir string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		content, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted and not yet committed
		}
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
