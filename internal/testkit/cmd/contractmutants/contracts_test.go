package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the root of the module.
var root = filepath.Join("..", "..", "..", "..")

// Each "make test" notices a mutation that is out of date. "make contracts-mutate" would notice it too, but takes minutes.
func TestEveryMutationApplies(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mutations() {
		if seen[m.what] || m.reason == "" || len(m.edits) == 0 {
			t.Errorf("%s: exists twice, or lacks its reason or its edits", m.what)
		}
		seen[m.what] = true
		for _, e := range m.edits {
			text, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				t.Fatal(err)
			}
			if mutated, err := e.apply(string(text)); err != nil || mutated == string(text) {
				t.Errorf("%s: %v", m.what, cmp.Or(err, errors.New("it changes nothing")))
			}
		}
	}
}

// The table in the documentation lists exactly these mutations, with the check that must catch each, and the reason.
func TestTableListsTheMutations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "contracts-mutations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), tableBegins)
	table, _, _ = strings.Cut(table, tableEnds)
	rows := strings.Split(strings.TrimSpace(table), "\n")
	all := mutations()
	if len(rows) != len(all)+2 { // the head has two lines
		t.Fatalf("%d rows for %d mutations: make contracts-mutate ARGS=\"-table docs/contracts-mutations.md\"", len(rows)-2, len(all))
	}
	for i, m := range all {
		if !strings.HasPrefix(rows[i+2], m.expected()+" ") {
			t.Errorf("the row is\n%s\nwant\n%s", rows[i+2], m.expected())
		}
	}
}

func TestPartOfTheTable(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), "key", "doc.md", io.Discard); err == nil || !strings.Contains(err.Error(), "do not go together") {
		t.Errorf("got %v", err)
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	const text = "a: one\nb: one\nb: two\n"
	for name, tt := range map[string]struct {
		edit edit
		want string // the text, or a part of the error
	}{
		"once":           {edit{old: "two", mutated: "six"}, "a: one\nb: one\nb: six\n"},
		"twice":          {edit{old: "one", mutated: "six"}, "\"one\" 2 times"},
		"after":          {edit{after: "a: one", old: "one", mutated: "six"}, "a: one\nb: six\nb: two\n"},
		"not after":      {edit{after: "two", old: "one", mutated: "six"}, "\"one\" 0 times"},
		"after no place": {edit{after: "c", old: "one", mutated: "six"}, "\"c\" 0 times"},
		"after two":      {edit{after: "b", old: "one", mutated: "six"}, "\"b\" 2 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.edit.apply(text)
			if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// scratchCopy has one file. The gates are shell commands that read it.
func scratchCopy(t *testing.T) *copied {
	t.Helper()
	c := newCopied(t.TempDir())
	write(t, filepath.Join(c.dir, "contract"), "kept\n")
	for _, command := range []string{"git init -q", "git add -A", "git -c user.name=m -c user.email=m@localhost commit -q -m all"} {
		if out, err := sh(command).run(t.Context(), c.dir); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	return c
}

func sh(script string) gate { return gate{"sh", []string{"sh", "-c", script}} }

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	const bites = "grep -q kept contract || { echo noise; echo '  it is not kept'; exit 1; }"
	broken := []edit{{file: "contract", old: "kept", mutated: "broken"}}
	for name, tt := range map[string]struct {
		mutation mutation
		want     string // the reason, or a part of the error
	}{
		"caught":              {mutation{"m", sh(bites), "not kept", broken}, "it is not kept"},
		"lets it through":     {mutation{"m", sh("true"), "not kept", broken}, "the check passes"},
		"for another reason":  {mutation{"m", sh(bites), "a status", broken}, "refused for another reason"},
		"fails without it":    {mutation{"m", sh("echo not kept; false"), "not kept", broken}, "fails without the mutation"},
		"says it anyway":      {mutation{"m", sh("echo it is not kept; " + bites), "not kept", broken}, "proves nothing"},
		"is out of date":      {mutation{"m", sh(bites), "not kept", []edit{{file: "contract", old: "gone", mutated: "x"}}}, "contains \"gone\" 0 times"},
		"is not unique there": {mutation{"m", sh(bites), "not kept", []edit{{file: "contract", mutated: "x"}}}, "not once"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := scratchCopy(t)
			reason, err := c.try(t.Context(), tt.mutation)
			if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && reason != tt.want {
				t.Errorf("reason %q, error %v, want %q", reason, err, tt.want)
			}
			if text, err := os.ReadFile(filepath.Join(c.dir, "contract")); err != nil || string(text) != "kept\n" {
				t.Errorf("left behind %q, %v", text, err)
			}
		})
	}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "doc.md")
	write(t, file, "before\n"+tableBegins+"old\n"+tableEnds+"after\n")
	if err := writeTable(file, []row{{mutation{what: "the key", gate: gate{name: "test"}, reason: "a|"}, "x_test.go:12: a|b"}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "| the key | test | a\\| | a\\|b |\n"+tableEnds+"after\n") || strings.Contains(string(text), "old") {
		t.Errorf("%v\n%s", err, text)
	}
	write(t, file, "no marks\n")
	if err := writeTable(file, nil); err == nil {
		t.Error("a file without marks was written")
	}
}
