package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// mutant is one patch and the test that has to notice it.
type mutant struct {
	name, file                 string
	mechanism, pkg, test, says string
}

var header = regexp.MustCompile(`^Mechanism: (.+)\nPackage: (\./\S+)\nTest: (Test\w+)\nSays: (.+)\n`)

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
			return nil, fmt.Errorf("%s: the header has to be the lines Mechanism, Package, Test and Says", file)
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

// try returns nil when the test passes on the source as it is, and fails on the patched one for the right reason.
func (m mutant) try(ctx context.Context, dir string) error {
	if out, err := m.runTest(ctx, dir); err != nil {
		return fmt.Errorf("the test fails without the patch:\n%s", out)
	}
	if err := m.apply(ctx, dir); err != nil {
		return err
	}
	out, failed := m.runTest(ctx, dir)
	if err := m.apply(ctx, dir, "--reverse"); err != nil {
		return fmt.Errorf("take the patch back: %w", err)
	}
	switch {
	case failed == nil:
		return fmt.Errorf("the test passes without %q", m.mechanism)
	case !bytes.Contains(out, []byte("--- FAIL: "+m.test)):
		return fmt.Errorf("something else than the test failed:\n%s", out)
	case !bytes.Contains(out, []byte(m.says)):
		return fmt.Errorf("the test failed, but did not say %q:\n%s", m.says, out)
	}
	return nil
}

// apply changes the source in dir by "git apply", with more of its options.
func (m mutant) apply(ctx context.Context, dir string, options ...string) error {
	cmd := scratch.Command(ctx, dir, "git", append(append([]string{"apply", "--unidiff-zero"}, options...), m.file)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch does not apply; make it anew for %q:\n%s", m.mechanism, out)
	}
	return nil
}

func (m mutant) runTest(ctx context.Context, dir string) ([]byte, error) {
	return scratch.Command(ctx, dir, "go", "test", "-count=1", "-timeout=3m", "-run=^"+m.test+"$", m.pkg).CombinedOutput()
}
