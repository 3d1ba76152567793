// Command mutants proves that tests notice what they are for. For each patch in patches/ it removes one central mechanism
// from a scratch copy of the source, and demands that the test named in the patch then fails. A test that passes without
// the mechanism proves nothing.
//
//	go run ./internal/testkit/cmd/mutants [-only NAME] [-times N]
//
// Each file in patches/ is a patch after a header of these lines:
//
//	Mechanism: what the patch removes
//	Package: ./the/package/of/the/test
//	Test: TestName, or TestName/subtest as "go test" prints it
//	Says: a part of what the test prints when it fails for the right reason
//
// The patch is written as "git diff -U1" does: with little context, so that changes nearby do not make it out of date. A
// patch that no longer applies counts as a failure.
//
// The verdict does not depend on chance. A test that draws random values finds a different counterexample in each run,
// and can print a different message for it. So the patch of a random test has no line "Says": the failure of exactly this
// test is enough. A deterministic test must have the line. TestSaysOnlyOfDeterministicTests holds both rules.
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
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

func main() {
	only := flag.String("only", "", "run only the patches whose name contains this text")
	times := flag.Int("times", 1, "run each patch this many times, to see that its verdict does not depend on chance")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *times, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// folder is where the patches are, from the module's root.
var folder = filepath.Join("internal", "testkit", "cmd", "mutants", "patches")

func run(ctx context.Context, only string, times int, out io.Writer) error {
	mutants, err := load(folder, only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "monsplit-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := scratch.Copy(ctx, dir); err != nil {
		return err
	}
	survivors := 0
	for _, m := range mutants {
		for range times {
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
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(mutants)*times-survivors, survivors)
	if survivors > 0 {
		return errors.New("a test does not notice that its mechanism is missing, or a patch is out of date")
	}
	return nil
}
