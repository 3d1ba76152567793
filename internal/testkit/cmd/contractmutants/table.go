package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// row is a mutation, and the line in which its gate gave the reason.
type row struct {
	mutation
	found string
}

// The table is between these lines of a Markdown file.
const (
	tableBegins = "<!-- contracts-mutate -->\n"
	tableEnds   = "<!-- /contracts-mutate -->\n"
)

func writeTable(file string, rows []row) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(text, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %sand %s", file, tableBegins, tableEnds)
	}
	return os.WriteFile(file, []byte(string(before)+tableBegins+markdown(rows)+tableEnds+string(after)), 0o644)
}

func markdown(rows []row) string {
	var b strings.Builder
	b.WriteString("| mutation | the check that must refuse it | the expected reason | the message of the check |\n|---|---|---|---|\n")
	for _, r := range rows {
		said := shortened(r.found)
		if said == r.reason {
			said = "the same text"
		}
		fmt.Fprintf(&b, "%s %s |\n", r.expected(), cell(said))
	}
	return b.String()
}

// expected returns the cells that are known before the mutation is made.
func (m mutation) expected() string {
	return fmt.Sprintf("| %s | %s | %s |", cell(m.what), cell(m.gate.name), cell(m.reason))
}

// beginning is what a test prints at the start of a line, or what another column already has. An id differs in each run.
var (
	beginning = regexp.MustCompile(`^\S+\.go:\d+: |^BREAKS: \S+ |^- |^#[ \\t]+[\d.]+ `)
	id        = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

func shortened(found string) string {
	found = id.ReplaceAllString(beginning.ReplaceAllString(found, ""), "…")
	if runes := []rune(found); len(runes) > 150 {
		found = string(runes[:149]) + "…"
	}
	return found
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
