// Command bench prints what things cost, beside the bare bound of the same work on the same machine in the same run.
// Only ratios within one run can be compared: the same work varies up to 1.8 times from run to run. docs/benchmarks.md
// tells what each row means.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suite is a group of measurements.
type suite struct {
	name, about string
	run         func(ctx context.Context, e *env) ([]row, error)
}

// suites are all benchmarks, in the order of the table: first those that a full database or broker would disturb.
func suites() []suite {
	return []suite{
		{"request", "a POST through the server without the network, with and without validation", requestCost},
		{"latency", "commit in the monolith to commit in the catalog, at steady rates", commitToApplied},
		{"append", "a transaction that appends events", outboxAppend},
		{"claim", "one read of the relay out of more and more pending events", outboxClaim},
		{"memory", "the relay's heap while a backlog drains", drainMemory},
		{"drain", "the relay on a backlog", relayDrain},
		{"apply", "the consumer on a backlog", consumerApply},
	}
}

const usage = `Prints what things cost, beside the bare bound: the same rows and bytes on the same machine in the same run, without
our bookkeeping. PostgreSQL is its own and fully durable. Kafka is the cluster that KAFKA_BROKERS names, or else an
embedded test broker, whose figures say nothing about Kafka. On a real Kafka:

  go run ./internal/testkit/cmd/realkafka -- make bench

BENCH_LARGE=1 adds the loads that take minutes: a claim beside 10^7 sent events.

Usage: bench [options]; or: make bench ARGS="options"

  --only NAMES      some parts alone, separated by commas:
%s  --rounds N        pairs of measurement and bound, run in turn; the table has the medians (default %d)
  --postgres URL    a PostgreSQL server in which databases may be made, instead of its own
  --json            one JSON document instead of the table
`

const (
	defaultRounds = 3
	// latencyPairs at least: a tail's ratio is far from steady.
	latencyPairs = 5
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		var parts strings.Builder
		for _, s := range suites() {
			fmt.Fprintf(&parts, "                      %-8s %s\n", s.name, s.about)
		}
		fmt.Fprintf(stdout, usage, parts.String(), defaultRounds)
	}
	e := &env{say: newProgress(stderr)}
	only := flags.String("only", "", "")
	flags.StringVar(&e.postgres, "postgres", "", "")
	flags.IntVar(&e.rounds, "rounds", defaultRounds, "")
	asJSON := flags.Bool("json", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || e.rounds < 1 {
		return errors.New("unknown argument, or less than one round: see --help")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	defer e.close()
	out := newTable(stdout, *asJSON)
	for _, s := range chosen {
		e.say.step(s.name)
		rows, err := s.run(ctx, e)
		e.say.clear()
		e.closeSuite()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		out.add(s.name, rows)
	}
	return out.finish(e.brokerUsed)
}

// choose returns the named suites in their own order; no name is all of them.
func choose(only string) ([]suite, error) {
	all := suites()
	if only == "" {
		return all, nil
	}
	names := strings.Split(only, ",")
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s suite) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no part %q: see --help", name)
		}
	}
	return slices.DeleteFunc(all, func(s suite) bool { return !slices.Contains(names, s.name) }), nil
}
