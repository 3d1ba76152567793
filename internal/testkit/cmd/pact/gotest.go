package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// kit is the package that tests with contracts import.
const kit = "github.com/monsplit/monsplit/internal/testkit/pact"

// update runs the consumers' tests. Their expectations replace the committed contracts.
func (r *results) update(ctx context.Context) error {
	return errors.Join(r.goTest(ctx, "^"+consumerTest+"$"), r.typescript(ctx, false))
}

// check runs the tests of consumers and providers. Both use the committed contracts, so they run at the same time, and
// each test binary is linked only once.
func (r *results) check(ctx context.Context) error {
	typescript := make(chan error, 1)
	go func() { typescript <- r.typescript(ctx, true) }()
	return errors.Join(r.goTest(ctx, "^("+consumerTest+"|"+providerTest+")$", "PACT_CHECK=1"), <-typescript)
}

// providers runs the providers' tests of the named contracts.
func (r *results) providers(ctx context.Context, contracts ...string) error {
	return r.goTest(ctx, "^"+providerTest+"$/^("+strings.Join(contracts, "|")+")$")
}

// goTest runs the tests with this name in all packages that use contracts.
func (r *results) goTest(ctx context.Context, tests string, env ...string) error {
	packages, err := users(ctx)
	if err != nil {
		return err
	}
	args := append([]string{"test", "-tags=pact", "-count=1", "-json", "-run=" + tests}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), append(env, "CGO_ENABLED=1", "PACT_DO_NOT_TRACK=true", "PACT_LOG_LEVEL=ERROR")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	output := r.follow(bufio.NewScanner(out))
	if err := cmd.Wait(); err != nil {
		fmt.Fprint(os.Stderr, output)
		return fmt.Errorf("tests failed (%w)", err)
	}
	return nil
}

// noise is a message that the native library prints for every interaction except the first, because pact-go sets up its
// logger each time.
const noise = "can't set logger"

// follow notes how tests end. It returns the output of failed tests and of the compiler.
func (r *results) follow(lines *bufio.Scanner) string {
	lines.Buffer(nil, 1<<20)
	printed := map[[2]string]*strings.Builder{}
	var failed strings.Builder
	for lines.Scan() {
		var e struct{ Action, Package, ImportPath, Test, Output string }
		if strictjson.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(&failed, lines.Text())
			continue
		}
		if e.ImportPath != "" { // it is output of the compiler
			failed.WriteString(e.Output)
			continue
		}
		interaction := firstParts(e.Test, 3) // TEST/CONTRACT/INTERACTION
		key := [2]string{e.Package, interaction}
		if printed[key] == nil {
			printed[key] = &strings.Builder{}
		}
		if !strings.HasPrefix(e.Output, "=== ") && !strings.Contains(e.Output, noise) {
			printed[key].WriteString(e.Output)
		}
		if e.Test != "" {
			r.note(e.Test, e.Action)
		}
		if e.Action == "fail" && e.Test == interaction {
			failed.WriteString(printed[key].String())
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(&failed, err)
	}
	return failed.String()
}

// firstParts returns at most the first n parts of a path.
func firstParts(path string, n int) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[:min(n, len(parts))], "/")
}

// users returns the packages whose tests use the kit. It is an error if there are none, because everything would pass.
func users(ctx context.Context) ([]string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-tags=pact", "-json=ImportPath,TestImports,XTestImports", "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.Bytes())
	}
	var packages []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p struct {
			ImportPath                string
			TestImports, XTestImports []string
		}
		var text json.RawMessage
		if err := decoder.Decode(&text); err != nil {
			return nil, err
		}
		if err := strictjson.Unmarshal(text, &p); err != nil {
			return nil, err
		}
		if slices.Contains(p.TestImports, kit) || slices.Contains(p.XTestImports, kit) {
			packages = append(packages, p.ImportPath)
		}
	}
	if len(packages) == 0 {
		return nil, errors.New("no package's tests use contracts")
	}
	return packages, nil
}
