package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// part is what is done to one service.
type part struct {
	service string
	attacks []attackKind
}

var (
	// ofMonolith are the attacks that only the monolith can have.
	ofMonolith = []string{"legacy"}
	// notBrief are the attacks that the short form leaves out. Tests of the packages that withstand them show the same in short.
	notBrief = []string{"pages", "heads", "half", "tokens"}
	// briefCatalog are the attacks on the catalog in the short form.
	briefCatalog = "search,lists,row,keys"
)

// planOf returns what the options ask for.
func planOf(short, ofCatalog bool, only string) ([]part, error) {
	chosen, err := choose(only)
	if err != nil {
		return nil, err
	}
	if ofCatalog {
		chosen = without(chosen, ofMonolith)
		if len(chosen) == 0 {
			return nil, errors.New("the catalog has no such attack")
		}
		return []part{{catalog, chosen}}, nil
	}
	if !short || only != "" {
		return []part{{monolith, chosen}}, nil
	}
	more, err := choose(briefCatalog)
	return []part{{monolith, without(chosen, notBrief)}, {catalog, more}}, err
}

// choose returns the named attacks in the order of attacks. Without a name it returns all of them.
func choose(only string) ([]attackKind, error) {
	all := attacks()
	if only == "" {
		return all, nil
	}
	names := strings.Split(only, ",")
	for _, name := range names {
		if !slices.ContainsFunc(all, func(a attackKind) bool { return a.name == name }) {
			return nil, fmt.Errorf("there is no attack %q: see --help", name)
		}
	}
	return slices.DeleteFunc(all, func(a attackKind) bool { return !slices.Contains(names, a.name) }), nil
}

func without(list []attackKind, names []string) []attackKind {
	return slices.DeleteFunc(list, func(a attackKind) bool { return slices.Contains(names, a.name) })
}
