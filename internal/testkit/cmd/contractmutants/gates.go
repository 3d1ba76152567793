package main

import (
	"context"
	"slices"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// gate is a check, reduced to the cheapest command that still catches its mutations.
type gate struct {
	name    string // the make target, and which part of it
	command []string
}

func (g gate) run(ctx context.Context, dir string) ([]byte, error) {
	cmd := scratch.Command(ctx, dir, g.command[0], g.command[1:]...)
	cmd.Env = append(cmd.Env, "PACT_CHECK=1", "PACT_DO_NOT_TRACK=true", "PACT_LOG_LEVEL=ERROR")
	return cmd.CombinedOutput()
}

// contractsCheck compares the documents, and verifies grown contracts.
func contractsCheck() gate {
	return gate{"contracts-check", []string{"go", "run", "-C", "tools/contractcheck", ".", "-base", "HEAD"}}
}

// goTest is verbose, so that try can see which messages the test also prints when it passes.
func goTest(name, pkg, test string, flags ...string) gate {
	return gate{name, slices.Concat([]string{"go", "test", "-v", "-count=1", "-run=" + test}, flags, []string{pkg})}
}

// tests compare an event or an answer with its document.
func tests(name, pkg string) gate {
	return goTest("test", pkg, "^"+name+"$")
}

// consumer is the consumer's half of make pact.
func consumer(service string) gate {
	return goTest("pact, consumer", "./services/"+service, "^TestConsumerContract$", "-tags=pact")
}

// provider is the provider's half of make pact, for one interaction.
func provider(service, contract, interaction string) gate {
	return goTest("pact, provider", "./services/"+service, "^TestProviderContracts$/^"+contract+"$/^"+interaction+"$", "-tags=pact")
}

// typescript is the consumer in TypeScript, with the client built from the source. Its packages are installed once.
func typescript() gate {
	return gate{"pact, consumer", []string{"sh", "-ec", `
		for dir in api/client/ts examples/storefront/contract; do
			[ -d $dir/node_modules ] || (cd $dir && npm ci --silent)
		done
		(cd api/client/ts && npm run --silent build)
		rm -rf drafts
		cd examples/storefront/contract && PACT_DIR=$OLDPWD/drafts npm run --silent contract`}}
}
