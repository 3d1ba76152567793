package archtest_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notBeforeAMerge are the targets that CI runs, but .ci/run does not, with the reason.
var notBeforeAMerge = map[string]string{
	"test-mutants":     "it takes long: CI runs it after a push to main and every night",
	"contracts-mutate": "it takes long: CI runs it every night",
	"test-races":       "it takes long: CI runs it every night",
}

// A change that passes .ci/run passes CI too: both run the same make targets.
func TestCIRunsTheSameTargetsEverywhere(t *testing.T) {
	t.Parallel()
	local := targetsIn(t, "../../.ci/run", `(?m)^step ([a-z][a-z-]*)$`)
	hosted := targetsIn(t, "../../.github/workflows/ci.yml", `(?m)\brun: make ([a-z][a-z-]*)`)
	existing := targetsIn(t, "../../Makefile", `(?m)^([a-z][a-z-]*):`)
	if len(local) < 10 {
		t.Errorf("found the targets %q in .ci/run: the pattern no longer finds them", local)
	}
	for name := range notBeforeAMerge {
		if slices.Contains(local, name) || !slices.Contains(hosted, name) {
			t.Errorf("%s is not an exception any more: remove it from notBeforeAMerge", name)
		}
	}
	want := slices.Sorted(slices.Values(slices.Concat(local, slices.Collect(maps.Keys(notBeforeAMerge)))))
	if !slices.Equal(hosted, want) {
		t.Errorf(".github/workflows/ci.yml runs\n%q\nbut .ci/run and notBeforeAMerge have\n%q", hosted, want)
	}
	for _, name := range hosted {
		if !slices.Contains(existing, name) {
			t.Errorf("there is no target %s", name)
		}
	}
}

// targetsIn returns what a pattern finds in a file, sorted, each once.
func targetsIn(t *testing.T, file, pattern string) (targets []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		targets = append(targets, m[1])
	}
	slices.Sort(targets)
	return slices.Compact(targets)
}

func TestSubjectsOfCommits(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../../.ci/check-commits")
	if err != nil {
		t.Fatal(err)
	}
	for subject, fine := range map[string]bool{
		"outbox: keep a shard's rows until the mark commits": true,
		"archtest: fail if a marked command tests nothing":   true,
		"all: " + strings.Repeat("x", 67):                    true,
		"all: " + strings.Repeat("x", 68):                    false,
		"Keep a shard's rows":                                false,
		"keep a shard's rows":                                false,
		"the outbox: keep a shard's rows":                    false,
		"Outbox: keep a shard's rows":                        false,
		"outbox:keep a shard's rows":                         false,
		"outbox: keep a shard's rows.":                       false,
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			git := func(args ...string) { output(t, "git", args...) }
			dir := t.TempDir()
			git("init", "--quiet", "--initial-branch=main", dir)
			git("-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--allow-empty", "-m", "Begin.")
			git("-C", dir, "switch", "--quiet", "-c", "branch")
			git("-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--allow-empty", "-m", subject, "-m", "Why.")
			for _, base := range []string{"", "HEAD~1"} {
				cmd := exec.CommandContext(t.Context(), "sh", script, base)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				if (err == nil) != fine || !fine && !strings.HasSuffix(string(out), ": "+subject+"\n") {
					t.Errorf("base %q: %v, %s", base, err, out)
				}
			}
			cmd := exec.CommandContext(t.Context(), "sh", script, "no-such-ref")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("a base that does not exist passes: %s", out)
			}
		})
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
