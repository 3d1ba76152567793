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

const usage = `Print which products are offered in which market, from the monolith's legacy API.

Usage: legacy-report [--monolith URL] [--product ID] [--csv] [--timeout DURATION]

`

// run returns the exit code: 0 for success, 1 if the report fails, 2 if the command line is wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("legacy-report", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	monolith := flags.String("monolith", "http://127.0.0.1:8000", "the `URL` of the monolith")
	product := flags.Int64("product", 0, "report only on the product with this `ID`")
	asCSV := flags.Bool("csv", false, "print CSV rather than a table")
	timeout := flags.Duration("timeout", 30*time.Second, "how long to wait for each answer")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "legacy-report: %v; try --help\n", err)
		return 2
	}
	client, err := monolithclient.New(*monolith, apiclient.WithTimeout(*timeout))
	if err != nil {
		fmt.Fprintf(stderr, "legacy-report: --monolith: %v\n", err)
		return 2
	}
	if err := report(ctx, client, *product, *asCSV, stdout); err != nil {
		fmt.Fprintf(stderr, "legacy-report: %v\n", err)
		return 1
	}
	return 0
}

// report prints the offers of one product, or of all products if product is 0.
func report(ctx context.Context, client *monolithclient.Client, product int64, asCSV bool, out io.Writer) error {
	var offers []offer
	var err error
	if product == 0 {
		offers, err = readOffers(ctx, client)
	} else {
		offers, err = readOffersOf(ctx, client, product)
	}
	if err != nil {
		return err
	}
	if asCSV {
		return writeCSV(out, offers)
	}
	return writeTable(out, offers)
}
