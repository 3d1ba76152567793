package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryMutationApplies looks for what "make contracts-mutate" would be out of date for, long before it is run.
func TestEveryMutationApplies(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mutations() {
		if seen[m.what] || m.reason == "" || len(m.edits) == 0 {
			t.Errorf("%s: is there twice, or lacks its reason or its edits", m.what)
		}
		seen[m.what] = true
		for _, e := range m.edits {
			text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", e.file))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), e.old); n != 1 || e.old == e.mutated {
				t.Errorf("%s: %s holds %q %d times, not once", m.what, e.file, e.old, n)
			}
		}
	}
}

// scratchCopy has one file, and gates are shell commands that look at it.
func scratchCopy(t *testing.T) *copied {
	t.Helper()
	c := &copied{dir: t.TempDir(), sound: map[string]error{}}
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
	broken := []edit{{"contract", "kept", "broken"}}
	for name, tt := range map[string]struct {
		mutation mutation
		want     string // the reason, or a part of the error
	}{
		"caught":              {mutation{"m", sh(bites), "not kept", broken}, "it is not kept"},
		"lets it through":     {mutation{"m", sh("true"), "not kept", broken}, "the check passes"},
		"for another reason":  {mutation{"m", sh(bites), "a status", broken}, "refused for another reason"},
		"fails without it":    {mutation{"m", sh("echo not kept; false"), "not kept", broken}, "fails without the mutation"},
		"is out of date":      {mutation{"m", sh(bites), "not kept", []edit{{"contract", "gone", "x"}}}, "holds \"gone\" 0 times"},
		"is not unique there": {mutation{"m", sh(bites), "not kept", []edit{{"contract", "", "x"}}}, "not once"},
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
	if err := writeTable(file, []row{{"the key", "test", "x_test.go:12: a|b"}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "| the key | test | a\\|b |\n"+tableEnds+"after\n") || strings.Contains(string(text), "old") {
		t.Errorf("%v\n%s", err, text)
	}
	write(t, file, "no marks\n")
	if err := writeTable(file, nil); err == nil {
		t.Error("a file without marks is written")
	}
}
