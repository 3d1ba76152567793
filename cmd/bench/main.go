// Command bench measures what the system costs. Beside each figure it prints a bound: the same work without the system's
// bookkeeping, on the same machine in the same run. Compare only ratios within one run: the same work varies by a factor
// of up to 1.8 from run to run. docs/benchmarks.md explains each row.
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
	// services reports whether the suite uses env.services. They go on running for the next such suite, because the topics
	// of a cluster belong to one database.
	services bool
}

// suites returns all benchmarks, in the order of the table. Those that a full database or broker would disturb come first.
func suites() []suite {
	return []suite{
		{name: "request", about: "a POST through the server without the network, with and without validation", run: requestCost},
		{name: "latency", about: "commit in the monolith to commit in the catalog, at steady rates", run: commitToApplied, services: true},
		{name: "instances", about: "the same with three instances of the monolith, beside one", run: severalInstances, services: true},
		{name: "legacy", about: "a legacy create beside the owner's own create, at a steady rate", run: legacyCreate, services: true},
		{name: "append", about: "a transaction that appends events", run: outboxAppend},
		{name: "claim", about: "one claim of the relay, with more and more pending events", run: outboxClaim},
		{name: "memory", about: "the relay's heap while it drains a backlog", run: drainMemory},
		{name: "drain", about: "the relay on a backlog", run: relayDrain},
		{name: "apply", about: "the consumer on a backlog", run: consumerApply},
	}
}

const usage = `Measures what the system costs. Beside each figure stands a bound: the same rows and bytes without the system's
bookkeeping, on the same machine in the same run. The bench starts its own PostgreSQL, fully durable. It uses the Kafka
cluster in KAFKA_BROKERS, or else an embedded test broker, whose figures say nothing about Kafka. With a real Kafka:

  go run ./internal/testkit/cmd/realkafka -- make bench

BENCH_LARGE=1 adds the loads that take minutes: a claim with 10^7 sent events in the outbox, 100,000 pending requests.

Usage: bench [options]; or: make bench ARGS="options"

  --only NAMES      only these parts, separated by commas:
%s  --rounds N        pairs of measurement and bound, alternating; the table has the medians (default %d)
  --postgres URL    a PostgreSQL server in which the bench may create databases, instead of its own
  --json            one JSON document instead of the table
`

const (
	defaultRounds = 3
	// latencyPairs is the minimum for the suites latency and legacy, because ratios of a distribution's tail vary a lot.
	latencyPairs = 5
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		var parts strings.Builder
		for _, s := range suites() {
			fmt.Fprintf(&parts, "                      %-9s %s\n", s.name, s.about)
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
		return errors.New("unknown argument, or fewer than one round: see --help")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	defer e.close()
	out := newTable(stdout, *asJSON)
	for i, s := range chosen {
		e.say.step(s.name)
		rows, err := s.run(ctx, e)
		e.say.clear()
		if !s.services || i+1 == len(chosen) || !chosen[i+1].services {
			e.closeSuite()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		out.add(s.name, rows)
	}
	return out.finish(e.brokerUsed)
}

// choose returns the named suites in the order of suites. Without a name it returns all of them.
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
