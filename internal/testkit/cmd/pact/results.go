package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

// The names of the tests of an interaction are TEST/CONTRACT/INTERACTION; these are the first parts.
const (
	consumerTest = "TestConsumerContract"
	providerTest = "TestProviderContracts"
)

// results holds how each test of an interaction ended: "pass", "fail" or "skip".
type results struct {
	mu    sync.Mutex
	ended map[string]string
}

func newResults() *results { return &results{ended: map[string]string{}} }

// note stores how a test ended. It ignores tests whose names have another form: a library runs some below the kit's own.
func (r *results) note(test, action string) {
	if strings.Count(test, "/") != 2 || action != "pass" && action != "fail" && action != "skip" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended[test] != "fail" { // if two packages have a test with this name, both must pass
		r.ended[test] = action
	}
}

// table prints the result of each interaction, and fails when one did not pass on both sides.
func (r *results) table(w io.Writer, files []*pactfile.File) error {
	var open []string
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CONTRACT\tINTERACTION\tCONSUMER\tPROVIDER")
	for _, f := range files {
		for _, i := range f.Interactions {
			path := f.Name() + "/" + i.Name()
			consumer, provider := r.of(consumerTest+"/"+path), r.of(providerTest+"/"+path)
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name(), i.Description, consumer, provider)
			if consumer != "pass" || provider != "pass" {
				open = append(open, path)
			}
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(open) > 0 {
		return fmt.Errorf("%d interactions did not pass on both sides: %s", len(open), strings.Join(open, ", "))
	}
	return nil
}

// verified fails when an interaction did not pass at the provider.
func (r *results) verified(files []*pactfile.File) error {
	var open []string
	for _, f := range files {
		for _, i := range f.Interactions {
			path := f.Name() + "/" + i.Name()
			if ended := r.of(providerTest + "/" + path); ended != "pass" {
				open = append(open, path+" ("+ended+")")
			}
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%d interactions did not pass at the provider: %s", len(open), strings.Join(open, ", "))
	}
	return nil
}

func (r *results) of(test string) string {
	if ended, ok := r.ended[test]; ok {
		return ended
	}
	return "no test"
}
