package main

import (
	"context"

	"github.com/monsplit/monsplit/internal/testkit/mutants/scratch"
)

// gate is a check, as cheaply as it can be run for what it has to catch.
type gate struct {
	name    string // the make target, and the part of it
	command []string
}

func (g gate) run(ctx context.Context, dir string) ([]byte, error) {
	cmd := scratch.Command(ctx, dir, g.command[0], g.command[1:]...)
	cmd.Env = append(cmd.Env, "PACT_CHECK=1", "PACT_DO_NOT_TRACK=true", "PACT_LOG_LEVEL=ERROR")
	return cmd.CombinedOutput()
}

// contractsCheck compares the documents, and verifies grown contracts.
func contractsCheck() gate {
	return gate{"contracts-check", []string{"go", "run", "-C", "tools/contracts", ".", "-base", "HEAD"}}
}

// tests are those in which an event or an answer is held against the document.
func tests(name, pkg string) gate {
	return gate{"test", []string{"go", "test", "-count=1", "-run=^" + name + "$", pkg}}
}

// consumer is the consumer's half of make pact.
func consumer(service string) gate {
	return gate{"pact, consumer", []string{"go", "test", "-tags=pact", "-count=1", "-run=^TestConsumerContract$", "./services/" + service}}
}

// provider is the provider's half of make pact, for one interaction.
func provider(service, contract, interaction string) gate {
	return gate{"pact, provider", []string{
		"go", "test", "-tags=pact", "-count=1", "-run=^TestProviderContracts$/^" + contract + "$/^" + interaction + "$", "./services/" + service,
	}}
}
