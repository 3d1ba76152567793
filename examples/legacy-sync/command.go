package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

const usage = `Write a list of availabilities to the catalog, through the monolith's legacy API.

FILE is CSV with the columns product (integer id), market (ISO code), availability_date and availability_end_date. An
empty date means that there is none. The program sends only what differs from the catalog, and deletes nothing. It can be run
again at any time.

Usage: legacy-sync [--monolith URL] [--wait DURATION] [--retry DURATION] [--dry-run] [--json] FILE

The exit code is 0 if the catalog is as the file says, 1 if a row was refused or the run failed, 2 if the command line is
wrong, and 3 if changes are pending. They are carried out later. Run the program again to see what became of them.

`

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitPending = 3
)

type options struct {
	monolith             string
	timeout, wait, retry time.Duration
	dryRun, asJSON       bool
	file                 string
}

func parse(args []string) (o options, flags *flag.FlagSet, err error) {
	flags = flag.NewFlagSet("legacy-sync", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.monolith, "monolith", "http://127.0.0.1:8000", "the `URL` of the monolith")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for each answer")
	flags.DurationVar(&o.wait, "wait", 30*time.Second, "how long to wait for the outcome of changes that are pending")
	flags.DurationVar(&o.retry, "retry", time.Minute, "how long to try a request again while the monolith is away")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and change nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	err = flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() == 0:
		err = errors.New("the FILE is missing")
	case flags.NArg() > 1:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(1))
	case o.timeout < 0 || o.wait < 0 || o.retry < 0:
		err = errors.New("a duration is negative")
	}
	o.file = flags.Arg(0)
	return o, flags, err
}

// run returns the exit code. Tests connect by options.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, connect ...apiclient.Option) int {
	o, flags, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitDone
	}
	if err != nil {
		fmt.Fprintf(stderr, "legacy-sync: %v; try --help\n", err)
		return exitUsage
	}
	client, err := monolithclient.New(o.monolith, append(connect, apiclient.WithTimeout(o.timeout))...)
	if err != nil {
		fmt.Fprintf(stderr, "legacy-sync: --monolith: %v\n", err)
		return exitUsage
	}
	rows, faults := readFile(o.file)
	for _, fault := range faults {
		fmt.Fprintf(stderr, "legacy-sync: %v\n", fault)
	}
	if faults != nil {
		fmt.Fprintln(stderr, "legacy-sync: the file is not valid; nothing was sent")
		return exitFailed
	}
	bar := newProgress(stderr)
	s := newSyncer(&legacy{client: client, retry: o.retry}, rows, bar.report)
	err = s.run(ctx, o.wait, o.dryRun)
	bar.end()
	return finish(ctx, o, s, err, stdout, stderr)
}

// finish prints the summary, and returns the exit code.
func finish(ctx context.Context, o options, s *syncer, err error, stdout, stderr io.Writer) int {
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	sum := summarize(s.rows, o.dryRun)
	if printing := sum.print(o.asJSON, stdout); err == nil {
		err = printing
	}
	if err != nil {
		fmt.Fprintf(stderr, "legacy-sync: %v\n", err)
	}
	switch {
	case err != nil || len(sum.Refused) > 0:
		return exitFailed
	case len(sum.Pending) > 0:
		return exitPending
	default:
		return exitDone
	}
}
