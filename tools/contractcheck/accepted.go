package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// acceptedFile accepts breaking changes. Each takes two lines: the line that this program prints, indented by four
// spaces, and below it one that begins with "Reason: ".
const acceptedFile = "contracts/ACCEPTED.md"

const (
	acceptedIndent = "    "
	acceptedReason = "Reason:"
)

// accepted are the lines that the change itself adds: what was accepted once is not accepted again.
type accepted struct {
	now  map[string]string // the reason by the line, or "" once it has been used
	past map[string]string
}

func acceptances(before, after files) (accepted, error) {
	past, err := parseAccepted(before[acceptedFile])
	if err != nil {
		past = nil // whoever mends the file shall not be kept from it
	}
	now, err := parseAccepted(after[acceptedFile])
	if err != nil {
		return accepted{}, fmt.Errorf("%s: %w", acceptedFile, err)
	}
	maps.DeleteFunc(now, func(line, _ string) bool { _, old := past[line]; return old })
	return accepted{now, past}, nil
}

func parseAccepted(text []byte) (map[string]string, error) {
	found := map[string]string{}
	open := "" // the line that waits for its reason
	var errs []error
	settle := func() {
		if open != "" {
			errs = append(errs, fmt.Errorf("no reason is given for %q", open))
		}
		open = ""
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \r\n")
		reason, isReason := strings.CutPrefix(line, acceptedReason)
		switch indented, ok := strings.CutPrefix(line, acceptedIndent); {
		case ok:
			settle()
			open = indented
		case isReason && open != "" && strings.TrimSpace(reason) != "":
			found[open], open = strings.TrimSpace(reason), ""
		}
	}
	settle()
	return found, errors.Join(errs...)
}

// take returns the reason to accept the line.
func (a accepted) take(line string) (reason string, ok bool) {
	reason, ok = a.now[line]
	if ok && reason != "" {
		a.now[line] = ""
	}
	return reason, ok
}

// before says whether the line was accepted in the commit that is compared with: it would have to go first.
func (a accepted) before(line string) bool { return a.past[line] != "" }

// unused are faults: a line that accepts nothing is a slip, or accepts what nobody has looked at.
func (a accepted) unused() (errs []error) {
	for _, line := range slices.Sorted(maps.Keys(a.now)) {
		if a.now[line] != "" {
			errs = append(errs, fmt.Errorf("%s accepts what does not break: %s", acceptedFile, line))
		}
	}
	return errs
}
