package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// acceptedFile lists accepted breaking changes. Each change has two lines: the line that this program prints, indented by
// four spaces, and below it a line that begins with "Reason: ".
const acceptedFile = "contracts/ACCEPTED.md"

const (
	acceptedIndent = "    "
	acceptedReason = "Reason:"
)

// accepted has the lines that the change itself adds. Lines from earlier commits accept nothing.
type accepted struct {
	now  map[string]string // the reason by the line, or "" once it has been used
	past map[string]string
}

func acceptances(before, after files) (accepted, error) {
	past, err := parseAccepted(before[acceptedFile])
	if err != nil {
		past = nil // an invalid file in the past must not block a change that repairs it
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

// before reports whether the line is already in the commit of the comparison. Then it must be removed first.
func (a accepted) before(line string) bool { return a.past[line] != "" }

// unused returns an error for each line that accepts nothing. Such a line is a mistake, or it would accept a later change
// that no one has reviewed.
func (a accepted) unused() (errs []error) {
	for _, line := range slices.Sorted(maps.Keys(a.now)) {
		if a.now[line] != "" {
			errs = append(errs, fmt.Errorf("%s accepts what does not break: %s", acceptedFile, line))
		}
	}
	return errs
}
