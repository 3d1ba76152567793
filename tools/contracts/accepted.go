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

// accepted maps a line to its reason, or to "" once it has been used.
type accepted map[string]string

// acceptances are those that the change itself adds: what was accepted once is not accepted again.
func acceptances(before, after files) (accepted, error) {
	past, err := parseAccepted(before[acceptedFile])
	if err != nil {
		past = accepted{} // whoever mends the file shall not be kept from it
	}
	now, err := parseAccepted(after[acceptedFile])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", acceptedFile, err)
	}
	maps.DeleteFunc(now, func(line, _ string) bool { _, old := past[line]; return old })
	return now, nil
}

func parseAccepted(text []byte) (accepted, error) {
	found := accepted{}
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
	reason, ok = a[line]
	if ok && reason != "" {
		a[line] = ""
	}
	return reason, ok
}

// unused are faults: a line that accepts nothing is a slip, or accepts what nobody has looked at.
func (a accepted) unused() (errs []error) {
	for _, line := range slices.Sorted(maps.Keys(a)) {
		if a[line] != "" {
			errs = append(errs, fmt.Errorf("%s accepts what does not break: %s", acceptedFile, line))
		}
	}
	return errs
}
