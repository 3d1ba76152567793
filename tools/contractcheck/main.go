// Command contractcheck reports what a change breaks, and for whom. It compares the documents in api/ and asyncapi/, and the
// consumers' expectations in contracts/pacts, with those of an earlier commit.
//
//	contractcheck [-base REF]
//
// Without -base it compares with the merge base with main. On main itself it compares with the commit before.
//
// A change that breaks nothing is accepted. A breaking change is refused, unless contracts/ACCEPTED.md accepts its line. If a
// consumer expects more than before, the command verifies the provider at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	base := flag.String("base", "", "the commit to compare with")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *base, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contracts-check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, base string, out io.Writer) error {
	repo, err := openRepository(ctx)
	if err != nil {
		return err
	}
	commit, err := repo.base(ctx, base)
	if err != nil {
		return err
	}
	before, err := repo.at(ctx, commit)
	if err != nil {
		return err
	}
	after, err := repo.now()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "compared with %.12s\n", commit)
	return check(before, after, func(contracts []string) error { return repo.verify(ctx, contracts) }, out)
}

// check prints what the change breaks. verify verifies the providers of the contracts with the given names.
func check(before, after files, verify func(contracts []string) error, out io.Writer) error {
	findings, err := compare(before, after)
	if err != nil {
		return err
	}
	accepted, err := acceptances(before, after)
	if err != nil {
		return err
	}
	refused := 0
	for _, f := range findings {
		if reason, ok := accepted.take(f.line()); ok {
			fmt.Fprintf(out, "accepted: %s\n    %s\n", f.line(), reason)
			continue
		}
		refused++
		fmt.Fprintf(out, "BREAKS: %s\n    %s\n", f.line(), f.whom())
		if accepted.before(f.line()) {
			fmt.Fprintf(out, "    %s already accepts this line for an earlier change. First remove that line in an earlier change, then accept it again\n", acceptedFile)
		}
	}
	failures := accepted.unused()
	if refused > 0 {
		failures = append(failures, fmt.Errorf("breaking changes: %d. Do not change v1 but add a v2 beside it, or accept each line with a reason in %s",
			refused, acceptedFile))
	}
	failures = append(failures, checkGrowth(before, after, verify, out))
	if err := errors.Join(failures...); err != nil {
		return err
	}
	fmt.Fprintln(out, "nothing breaks")
	return nil
}

// checkGrowth verifies the providers of the contracts that expect more than before.
func checkGrowth(before, after files, verify func([]string) error, out io.Writer) error {
	grown, err := grownContracts(before, after)
	if err != nil || len(grown) == 0 {
		return err
	}
	names := make([]string, len(grown))
	for i, g := range grown {
		names[i] = g.name
		fmt.Fprintf(out, "%s/%s.json expects more of %s: %s\n", pactDir, g.name, g.provider, strings.Join(g.interactions, "; "))
	}
	if err := verify(names); err != nil {
		return fmt.Errorf("a consumer expects something that its provider does not do: %w", err)
	}
	return nil
}
