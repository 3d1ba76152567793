package archtest_test

import (
	"context"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMarkedCommandsRun executes each block after "<!-- run -->" as a shell script in the root of the repository.
func TestMarkedCommandsRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs whole commands")
	}
	marked := 0
	for _, d := range documents(t, os.DirFS("../..")) {
		for _, b := range d.blocks {
			if !b.run {
				continue
			}
			marked++
			if b.language != "sh" {
				t.Errorf("%s: a block marked as run must be of the language sh:\n%s", d.name, b.text)
			} else if fault := runBlock(t.Context(), b.text); fault != "" {
				t.Errorf("%s: %s:\n%s", d.name, fault, b.text)
			}
		}
		if regexp.MustCompile(`(?m)^[ \t]*<!-- run -->$`).MatchString(d.text) {
			t.Errorf("%s: a mark <!-- run --> is not followed by a block", d.name)
		}
	}
	if marked == 0 {
		t.Error("no block is marked as run: the pattern no longer finds them")
	}
}

// runBlock runs the commands of a block. It returns what is wrong, or "". "go test" succeeds also when no test has run,
// for example because the test has another name now.
func runBlock(ctx context.Context, commands string) string {
	cmd := exec.CommandContext(ctx, "sh", "-euc", commands)
	cmd.Dir, cmd.WaitDelay = "../..", 10*time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return err.Error() + "\n" + string(out)
	}
	for _, nothing := range []string{"no tests to run", "[no test files]"} {
		if strings.Contains(string(out), nothing) {
			return "a command has tested nothing\n" + string(out)
		}
	}
	return ""
}

func TestABlockThatTestsNothingFails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs whole commands")
	}
	for name, tt := range map[string]struct{ commands, want string }{
		"a test that exists":   {"go test -run '^TestTake$' ./internal/copyrow", ""},
		"a test that is gone":  {"go test -run '^TestGive$' ./internal/copyrow", "tested nothing"},
		"no test":              {"go test ./cmd/monolith", "tested nothing"},
		"a command that fails": {"false\ntrue", "exit status 1"},
	} {
		if got := runBlock(t.Context(), tt.commands); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Each Go block of a document is part of a file that the compiler reads, for example of an example. Indentation does not
// count.
func TestGoBlocksAreCompiled(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	var code strings.Builder
	for name, text := range readSources(t, root) {
		if path.Ext(name) == ".go" {
			code.WriteString(withoutIndentation(text))
		}
	}
	found := 0
	for _, d := range documents(t, root) {
		for _, b := range d.blocks {
			if b.language != "go" {
				continue
			}
			found++
			if !strings.Contains(code.String(), withoutIndentation(b.text)) {
				t.Errorf("%s: no Go file has this code; put it into an example, in a file whose name ends in _test.go:\n%s", d.name, b.text)
			}
		}
	}
	if found < 6 {
		t.Errorf("found %d blocks of Go code: the pattern no longer finds them", found)
	}
}

var indentation = regexp.MustCompile(`(?m)^[ \t]+`)

func withoutIndentation(text string) string { return indentation.ReplaceAllString(text, "") }
