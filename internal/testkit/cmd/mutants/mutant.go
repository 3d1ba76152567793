package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// mutant is one patch and the test that must notice it.
type mutant struct {
	name, file           string
	mechanism, pkg, test string
	says                 string // "" for a random test
}

var header = regexp.MustCompile(`^Mechanism: (.+)\nPackage: (\./\S+)\nTest: (Test\w+(?:/\S+)?)\n(?:Says: (.+)\n)?\n`)

func load(folder, only string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		match := header.FindSubmatch(text)
		if match == nil {
			return nil, fmt.Errorf("%s: the header must be the lines Mechanism, Package, Test and, for a deterministic test, Says", file)
		}
		absolute, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		m := mutant{name: strings.TrimSuffix(filepath.Base(file), ".patch"), file: absolute,
			mechanism: string(match[1]), pkg: string(match[2]), test: string(match[3]), says: string(match[4])}
		if strings.Contains(m.name, only) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no patch in %s matches %q", folder, only)
	}
	return mutants, nil
}

// try returns nil when the test passes on the source as it is, and fails on the patched source for the right reason.
func (m mutant) try(ctx context.Context, dir string) error {
	if r := m.runTest(ctx, dir); !r.passed(m.test) {
		return fmt.Errorf("the test does not pass without the patch:\n%s", r.output)
	}
	if err := m.apply(ctx, dir); err != nil {
		return err
	}
	mutated := m.runTest(ctx, dir)
	if err := m.apply(ctx, dir, "--reverse"); err != nil {
		return fmt.Errorf("undo the patch: %w", err)
	}
	return m.judge(mutated)
}

// judge returns nil when the mutated source made the named test fail, and the test said what it must.
func (m mutant) judge(r result) error {
	switch {
	case r.passed(m.test):
		return fmt.Errorf("the test passes without %q", m.mechanism)
	case r.crashed: // Go reports a crash as a failure of the tests that ran at that moment.
		return fmt.Errorf("the test binary crashed or timed out, which is not the expected failure:\n%s", r.output)
	case r.verdicts[m.test] != "fail":
		return fmt.Errorf("something other than the test failed:\n%s", r.output)
	case !strings.Contains(r.saidBy(m.test), m.says):
		return fmt.Errorf("the test failed, but did not say %q:\n%s", m.says, r.output)
	}
	return nil
}

// apply changes the source in dir with "git apply" and these further options.
func (m mutant) apply(ctx context.Context, dir string, options ...string) error {
	cmd := scratch.Command(ctx, dir, "git", append(append([]string{"apply", "--unidiff-zero"}, options...), m.file)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply; write it again for %q:\n%s", m.mechanism, out)
	}
	return nil
}

// runTest runs the named test alone.
func (m mutant) runTest(ctx context.Context, dir string) result {
	out, err := scratch.Command(ctx, dir, "go", "test", "-json", "-count=1", "-timeout=3m", "-run="+pattern(m.test), m.pkg).CombinedOutput()
	return parse(out, err)
}

// pattern returns what -run needs to choose exactly this test.
func pattern(test string) string {
	var parts []string
	for part := range strings.SplitSeq(test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	return strings.Join(parts, "/")
}
