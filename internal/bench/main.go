// Command bench prints what things cost, beside the bare bound of the same work on the same machine in the same run.
// Only ratios within one run can be compared: the same work varies up to 1.8 times from run to run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// suites are all benchmarks, in the order of the table.
func suites() []suite {
	return []suite{
		{"consumer", consumerApply},
	}
}

// suite is a group of measurements.
type suite struct {
	name string
	run  func(ctx context.Context, e *env) ([]row, error)
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("run", "", "only the suites whose name matches this regular expression")
	e := new(env)
	flags.StringVar(&e.postgres, "postgres", "", "a PostgreSQL server in which databases may be made; by default its own, fully durable")
	flags.IntVar(&e.rounds, "rounds", 3, "pairs of measurement and bound, run in turn; the table shows the medians")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	defer e.close()
	table := newTable(os.Stdout)
	for _, s := range suites() {
		if !pattern.MatchString(s.name) {
			continue
		}
		rows, err := s.run(ctx, e)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		table.print(rows)
	}
	return nil
}
