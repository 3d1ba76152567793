package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// finding is one breaking change.
type finding struct {
	document string // the path of the document
	place    string // an operation, a topic or the type of an event
	what     string
	uses     []use // the uses by consumers that the change breaks
}

// line returns the text that names the change. It is the same in each run, and acceptedFile refers to it.
func (f finding) line() string { return fmt.Sprintf("%s, %s: %s", f.document, f.place, f.what) }

// whom returns a text that names the consumers that the change breaks.
func (f finding) whom() string {
	by := map[string][]string{}
	for _, u := range f.uses {
		by[u.consumer] = append(by[u.consumer], fmt.Sprintf("%q", u.description))
	}
	if len(by) == 0 {
		return "no consumer in " + pactDir + " relies on it; callers without a contract may"
	}
	var sentences []string
	for _, consumer := range slices.Sorted(maps.Keys(by)) {
		descriptions := slices.Compact(slices.Sorted(slices.Values(by[consumer])))
		sentences = append(sentences, fmt.Sprintf("it breaks %s, which relies on it in %s", consumer, strings.Join(descriptions, ", ")))
	}
	return strings.Join(sentences, "; ")
}

// compare returns the breaking changes between two states of the documents, in the order of the documents' paths.
func compare(before, after files) ([]finding, error) {
	uses, err := allUses(before, after)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, path := range slices.Sorted(maps.Keys(before)) {
		look, ok := comparison(path)
		if !ok {
			continue
		}
		now, ok := after[path]
		if !ok {
			all = append(all, finding{document: path, place: "the whole document", what: "the document is gone", uses: uses.of(owner(path))})
			continue
		}
		found, err := look(before[path], now, uses.of(owner(path)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, f := range found {
			f.document = path
			all = append(all, f)
		}
	}
	return all, nil
}

// comparison compares two states of a document.
func comparison(path string) (look func(before, after []byte, uses uses) ([]finding, error), ok bool) {
	switch {
	case strings.HasPrefix(path, "api/"):
		return compareOpenAPI, true
	case strings.HasPrefix(path, "asyncapi/"):
		return compareAsyncAPI, true
	default:
		return nil, false
	}
}

// owner returns the service that owns a document.
func owner(path string) string {
	parts := strings.Split(strings.TrimSuffix(path, ".yaml"), "/")
	return parts[1] // api/SERVICE/openapi, asyncapi/SERVICE
}
