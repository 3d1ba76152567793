// Command stress shows that one client cannot stop the others. It starts a PostgreSQL, a broker and both services as
// processes of their own, on loopback. Then it runs one attack after the other on one of the services, beside victims:
// clients that read a product by its key, create an entity, create one in the other service, and ask whether the service is
// ready, at a fixed modest rate.
//
//	go run ./internal/testkit/cmd/stress [--short] [--catalog] [--only NAMES] [--json]
//
// Each attack runs in a process of its own, which uses at most one CPU at a low priority and makes requests at a bounded
// rate. An attack is about the resources of the service, and not about the CPUs of this machine.
//
// The table has the times of the victims before and during each attack. docs/benchmarks.md explains it, and says what makes
// the program fail. It needs Linux: it reads memory from /proc, and the attacker has the address 127.0.0.2.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
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

  --short       few rows and short phases, for CI: at most 2 minutes
  --catalog     attack the catalog instead of the monolith
  --only NAMES  only these attacks, separated by commas:
%s  --json        one JSON document instead of the table
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
	attacker := flags.String(attackFlag, "", "for the program itself: be the attacker, until standard input ends")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return errors.New("unknown argument: see --help")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if *attacker != "" {
		return attack(ctx, *attacker, stdin, stdout)
	}
	form := whole
	if *short {
		form = brief
	}
	attacked := monolith
	if *attackCatalog {
		attacked = catalog
	}
	results, err := stress(ctx, attacked, form, chosen, sayTo(stderr), func(r result) {
		if !*asJSON {
			r.print(stdout)
		}
	})
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(results); err != nil {
			return err
		}
	} else {
		printAims(stdout, results)
	}
	return verdict(results)
}

// sayTo returns a function that prints what the program does, and when.
func sayTo(out io.Writer) func(step string) {
	began := time.Now()
	return func(step string) { fmt.Fprintf(out, "stress: %3.0f s  %s\n", time.Since(began).Seconds(), step) }
}

// stress runs the attacks on one of the services, and calls tell with each result.
func stress(ctx context.Context, attacked string, form form, chosen []attackKind, say func(string), tell func(result)) (results []result, err error) {
	s, err := startSystem(ctx, attacked, form, say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop(ctx)) }()
	v := newVictims(s)
	stopVictims := v.start(ctx)
	defer stopVictims()
	for _, a := range chosen {
		say(a.name)
		r, err := runScenario(ctx, s, v, a, form)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		results = append(results, r)
		tell(r)
	}
	return results, nil
}

// choose returns the named attacks in the order of attacks. Without a name it returns all of them.
func choose(only string) ([]attackKind, error) {
	all := attacks()
	if only == "" {
		return all, nil
	}
	names := strings.Split(only, ",")
	for _, name := range names {
		if !slices.ContainsFunc(all, func(a attackKind) bool { return a.name == name }) {
			return nil, fmt.Errorf("there is no attack %q: see --help", name)
		}
	}
	return slices.DeleteFunc(all, func(a attackKind) bool { return !slices.Contains(names, a.name) }), nil
}
