package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// row is a mutation, the gate that caught it, and the line in which that said why.
type row struct{ what, gate, reason string }

// The table stands between these lines of a Markdown file.
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
	b.WriteString("| mutation | caught by `make` | because |\n|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.what, r.gate, cell(r.reason))
	}
	return b.String()
}

// What a line of a test begins with and what is in the other column, and ids, which differ from run to run.
var (
	beginning = regexp.MustCompile(`^\S+\.go:\d+: |^BREAKS: \S+ |^- `)
	id        = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

func cell(reason string) string {
	reason = strings.ReplaceAll(id.ReplaceAllString(beginning.ReplaceAllString(reason, ""), "…"), "|", `\|`)
	if runes := []rune(reason); len(runes) > 150 {
		reason = string(runes[:149]) + "…"
	}
	return reason
}
