// Command mutants takes one central mechanism at a time out of a scratch copy of the source and demands that the test
// named for it fails: a test that passes without the mechanism proves nothing.
//
//	go run ./internal/testkit/cmd/mutants [-only NAME]
//
// Each file in patches/ is a patch (as "git diff -U1" writes it: little context, so that changes beside it do no harm)
// after a header of four lines, "Mechanism: …", "Package: …", "Test: …" and "Says: …", a part of what the test prints
// when it fails for the right reason. A patch that no longer applies is a failure too.
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
	mutants, err := load(filepath.Join("internal", "testkit", "cmd", "mutants", "patches"), only)
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
