package main

import (
	"fmt"
	"slices"
	"strings"
)

// mutation is one way to break a contract, and the gate that must refuse it.
type mutation struct {
	what   string
	gate   gate
	reason string // must be in one line of the gate's output, and in none without the mutation
	edits  []edit
}

// edit replaces a text in a file. The text must be unique in the file, or it is the first after a unique text.
type edit struct{ file, after, old, mutated string }

func mutations() []mutation {
	return slices.Concat(eventDocumentMutations(), apiDocumentMutations(), codeMutations(), ownerMutations(), consumerMutations(),
		requestDocumentMutations(), requestCodeMutations())
}

func (e edit) apply(text string) (string, error) {
	if n := strings.Count(text, e.after); e.after != "" && n != 1 {
		return "", fmt.Errorf("out of date: %s contains %q %d times, not once", e.file, e.after, n)
	}
	before, rest := "", text
	if e.after != "" {
		at := strings.Index(text, e.after) + len(e.after)
		before, rest = text[:at], text[at:]
	}
	n := strings.Count(rest, e.old)
	if n == 0 || e.old == "" || n > 1 && e.after == "" {
		return "", fmt.Errorf("out of date: %s contains %q %d times, not once", e.file, e.old, n)
	}
	return before + strings.Replace(rest, e.old, e.mutated, 1), nil
}
