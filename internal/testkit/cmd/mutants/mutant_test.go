package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// Each "make test" notices a patch that is out of date. "make test-mutants" would notice it too, but takes minutes.
func TestEveryPatchApplies(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	mutants, err := load("patches", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		// "go test" does not see which files git reads. Reading them here makes its cached result depend on them.
		for _, name := range targets(t, m) {
			if _, err := os.ReadFile(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
		if err := m.apply(t.Context(), root, "--check"); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if name, _, _ := strings.Cut(m.test, "/"); !hasTest(t, filepath.Join(root, m.pkg), name) {
			t.Errorf("%s: there is no %s in %s", m.name, m.test, m.pkg)
		}
	}
}

// targets lists the files that a patch changes.
func targets(t *testing.T, m mutant) (names []string) {
	t.Helper()
	text, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^\+\+\+ b/(.+)$`).FindAllSubmatch(text, -1) {
		names = append(names, string(match[1]))
	}
	if len(names) == 0 {
		t.Errorf("%s changes nothing", m.name)
	}
	return names
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nfunc "+name+"(t *testing.T)")) {
			return true
		}
	}
	return false
}

// "git apply" silently passes over files outside its repository. So a scratch copy inside another repository must still
// notice a patch that is out of date.
func TestAnOutdatedPatchIsNoticed(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	if out, err := scratch.Command(t.Context(), outer, "git", "init", "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(outer, "source")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	patch := filepath.Join(outer, "x.patch")
	for name, text := range map[string]string{
		filepath.Join(root, "a.go"): "package a\n\nvar x = 1\n",
		patch:                       "--- a/a.go\n+++ b/a.go\n@@ -3 +3 @@\n-var x = 1\n+var x = 2\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := mutant{file: patch, mechanism: "x is 1"}
	if err := m.apply(t.Context(), root, "--check"); err != nil {
		t.Error(err)
	}
	if err := m.apply(t.Context(), root); err != nil {
		t.Error(err)
	}
	if err := m.apply(t.Context(), root, "--check"); err == nil || !strings.Contains(err.Error(), `write it again for "x is 1"`) {
		t.Errorf("a patch that does not apply: %v", err)
	}
}

// judged is the output of "go test -json" for these events, as action, test and output.
func judged(failed bool, events ...[3]string) result {
	var out bytes.Buffer
	for _, e := range events {
		fmt.Fprintf(&out, "{\"Action\":%q,\"Test\":%q,\"Output\":%q}\n", e[0], e[1], e[2])
	}
	if failed {
		return parse(out.Bytes(), errors.New("exit status 1"))
	}
	return parse(out.Bytes(), nil)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	exact := mutant{mechanism: "the guard", test: "TestGuard", says: "want 2"}
	random := mutant{mechanism: "the guard", test: "TestGuard"}
	sub := mutant{mechanism: "the guard", test: "TestGuard/Older", says: "want 2"}
	said := [3]string{"output", "TestGuard", "x_test.go:1: got 1, want 2"}
	saidBelow := [3]string{"output", "TestGuard/Older", "x_test.go:1: got 1, want 2"}
	other := [3]string{"output", "TestGuard", "x_test.go:2: applying it again changed something"}
	fail := [3]string{"fail", "TestGuard", ""}
	for name, tt := range map[string]struct {
		mutant mutant
		result result
		want   string // a part of the error, or "" for caught
	}{
		"caught":                         {exact, judged(true, said, fail), ""},
		"a subtest says it":              {exact, judged(true, saidBelow, [3]string{"fail", "TestGuard/Older", ""}, fail), ""},
		"the subtest fails":              {sub, judged(true, saidBelow, [3]string{"fail", "TestGuard/Older", ""}, fail), ""},
		"another subtest fails":          {sub, judged(true, saidBelow, [3]string{"pass", "TestGuard/Older", ""}, fail), "something other than the test"},
		"passes":                         {exact, judged(false, [3]string{"pass", "TestGuard", ""}), "passes without"},
		"another message":                {exact, judged(true, other, fail), "did not say"},
		"another test says it":           {exact, judged(true, [3]string{"output", "TestGuardian", "want 2"}, fail), "did not say"},
		"a random test, any message":     {random, judged(true, other, fail), ""},
		"a random test that crashes":     {random, judged(true, [3]string{"output", "TestGuard", "panic: nil\n"}, fail), "crashed"},
		"it times out":                   {exact, judged(true, said, [3]string{"output", "TestGuard", "panic: test timed out after 3m0s\n"}, fail), "crashed"},
		"does not compile":               {random, parse([]byte("x.go:1: undefined: y\n"), errors.New("exit status 1")), "x.go:1: undefined: y"},
		"the test is no longer there":    {random, judged(false), "something other than the test"},
		"the package's other part fails": {random, judged(true, [3]string{"pass", "TestGuard", ""}), "something other than the test"},
	} {
		err := tt.mutant.judge(tt.result)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	if got := pattern("TestGuard/it's_1.5"); got != `^TestGuard$/^it's_1\.5$` {
		t.Error(got)
	}
}
