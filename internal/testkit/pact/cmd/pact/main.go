// Command pact obtains the native library of Pact, writes or checks the contracts, and holds the providers to them.
//
//	go run ./internal/testkit/pact/cmd/pact library   only the library
//	go run ./internal/testkit/pact/cmd/pact update    the consumers' tests; what they expect replaces contracts/pacts
//	go run ./internal/testkit/pact/cmd/pact check     the consumers' tests, then the providers', and a table of both
//
// It runs at the module's root. update and check need PostgreSQL: run them below withpostgres.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pact:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) != 1 {
		return errors.New("usage: pact library|update|check")
	}
	if err := obtain(ctx); err != nil {
		return err
	}
	switch args[0] {
	case "library":
		return nil
	case "update":
		return update(ctx)
	case "check":
		return check(ctx)
	default:
		return fmt.Errorf("there is no %q: usage: pact library|update|check", args[0])
	}
}

// contracts is where they are committed.
const contracts = "contracts/pacts"

func update(ctx context.Context) error {
	r := newResults()
	if err := r.consumers(ctx, false); err != nil {
		return err
	}
	files, err := pactfile.ReadAll(contracts)
	if err != nil {
		return err
	}
	for _, f := range files {
		fmt.Printf("%s/%s.json: %d interactions\n", contracts, f.Name(), len(f.Interactions))
	}
	return nil
}

func check(ctx context.Context) error {
	r := newResults()
	// The providers are asked even so: one table says all that is wrong.
	failed := errors.Join(r.consumers(ctx, true), r.providers(ctx))
	files, err := pactfile.ReadAll(contracts)
	if err != nil {
		return err
	}
	return errors.Join(r.table(os.Stdout, files), failed)
}
