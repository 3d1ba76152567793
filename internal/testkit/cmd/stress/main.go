// Command stress shows that one client cannot stop the others. It starts a PostgreSQL, a broker and both services as
// processes of their own, on loopback. Then it runs one attack after the other on one of the services, beside victims:
// clients that read a product by its key, create an entity, create one in the other service, and ask whether the service is
// ready, at a fixed modest rate.
//
//	go run ./internal/testkit/cmd/stress [--short] [--catalog] [--only NAMES] [--json | --markdown]
//
// Each attack runs in a process of its own, which uses at most one CPU at a low priority and makes requests at a bounded
// rate. An attack is about the resources of the service, and not about the CPUs of this machine.
//
// The table has the times of the victims before and during each attack. docs/benchmarks.md explains it, and says what makes
// the program fail. It needs Linux: it reads memory from /proc, and the attacker has the address 127.0.0.2.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

func main() {
	// The system kills a child when the thread that started it ends. So this thread, which ends last, starts all of them.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

const usage = `Runs attacks on a service beside clients that read and create, and shows what the clients notice.

Usage: stress [options]; or: make stress ARGS="options"

  --short       few rows and short phases, for CI: at most 2 minutes. It leaves out some attacks, and attacks the catalog too
  --catalog     attack the catalog instead of the monolith
  --only NAMES  only these attacks, separated by commas:
%s  --json        one JSON document instead of the table
  --markdown    a table for a document, after the last attack
`

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("stress", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		var names strings.Builder
		for _, a := range attacks() {
			fmt.Fprintf(&names, "                  %-9s %s\n", a.name, a.about)
		}
		fmt.Fprintf(stdout, usage, names.String())
	}
	short := flags.Bool("short", false, "")
	attackCatalog := flags.Bool("catalog", false, "")
	only := flags.String("only", "", "")
	asJSON := flags.Bool("json", false, "")
	asMarkdown := flags.Bool("markdown", false, "")
	attacker := flags.String(attackFlag, "", "for the program itself: be the attacker, until standard input ends")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("unknown argument: see --help")
	}
	if *attacker != "" {
		return attack(ctx, *attacker, stdin, stdout)
	}
	form := whole
	if *short {
		form = brief
	}
	parts, err := planOf(*short, *attackCatalog, *only)
	if err != nil {
		return err
	}
	show := &shown{out: stdout, json: *asJSON, markdown: *asMarkdown}
	results, err := stress(ctx, form, parts, sayTo(stderr), show.one)
	if err != nil {
		return err
	}
	return errors.Join(show.all(results), verdict(results))
}

// sayTo returns a function that prints what the program does, and when.
func sayTo(out io.Writer) func(step string) {
	began := time.Now()
	return func(step string) { fmt.Fprintf(out, "stress: %3.0f s  %s\n", time.Since(began).Seconds(), step) }
}

// stress runs the parts one after the other, and calls tell with each result.
func stress(ctx context.Context, form form, parts []part, say func(string), tell func(result)) (results []result, err error) {
	if form.most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, form.most, fmt.Errorf("not done within %s", form.most))
		defer cancel()
	}
	s, err := startSystem(ctx, form, say)
	if err != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	defer func() { err = errors.Join(err, s.stop(ctx)) }()
	v := newVictims(s)
	for _, p := range parts {
		of, err := runPart(ctx, s, v, p, form, say, tell)
		if err != nil {
			return nil, errors.Join(err, context.Cause(ctx))
		}
		results = append(results, of...)
	}
	return results, nil
}

// runPart runs the attacks on one service.
func runPart(ctx context.Context, s *system, v *victims, p part, form form, say func(string), tell func(result)) (results []result, err error) {
	if err := v.turnTo(ctx, p.service); err != nil {
		return nil, err
	}
	stopVictims := v.start(ctx)
	defer stopVictims()
	for _, a := range p.attacks {
		say(p.service + ": " + a.name)
		r, err := runScenario(ctx, s, v, a, form)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		results = append(results, r)
		tell(r)
	}
	return results, nil
}
