// Command pact downloads the native library of Pact, writes or checks the contracts, and verifies the providers.
//
//	go run ./internal/testkit/cmd/pact library   only the library
//	go run ./internal/testkit/cmd/pact update    run the consumers' tests; their expectations replace contracts/pacts
//	go run ./internal/testkit/cmd/pact check     run the tests of consumers and providers, and print a table of both
//	go run ./internal/testkit/cmd/pact verify CONTRACT...
//	                                                  run only the provider's tests of these contracts, such as catalog-monolith
//
// Run it in the module's root. update, check and verify need PostgreSQL: run them with withpostgres.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pact:", err)
		os.Exit(1)
	}
}

const usage = "usage: pact library|update|check|verify CONTRACTS"

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 0 || (len(args) > 1) != (args[0] == "verify") {
		return errors.New(usage)
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
	case "verify":
		return verify(ctx, args[1:])
	default:
		return fmt.Errorf("unknown command %q: %s", args[0], usage)
	}
}

// contracts is the folder of the committed contracts.
const contracts = "contracts/pacts"

func update(ctx context.Context) error {
	if err := newResults().update(ctx); err != nil {
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
	failed := r.check(ctx) // the table is printed in any case: it shows every failure
	files, err := pactfile.ReadAll(contracts)
	if err != nil {
		return err
	}
	return errors.Join(r.table(os.Stdout, files), failed)
}

func verify(ctx context.Context, names []string) error {
	files := make([]*pactfile.File, len(names))
	for n, name := range names {
		var err error
		if files[n], err = pactfile.Read(filepath.Join(contracts, name+".json")); err != nil {
			return err
		}
		if have := files[n].Name(); have != name {
			return fmt.Errorf("%s/%s.json holds the contract %s: the file has the wrong name", contracts, name, have)
		}
	}
	r := newResults()
	return errors.Join(r.providers(ctx, names...), r.verified(files))
}
