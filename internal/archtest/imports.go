// Package archtest holds the architecture as rules on imports; its test fails when a package imports what its layer
// must not know. docs/architecture.md tells why the rules are so.
package archtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// Module is the import path that all packages of the project begin with.
const Module = "github.com/monsplit/monsplit"

// Package is one package and what it imports. Paths inside the module are relative to it, as in "internal/apperr";
// all others are whole.
type Package struct {
	Path        string
	Imports     []string
	TestImports []string // of its tests, in the package and beside it
}

// List returns every package of the module, whatever build tags its files need.
func List(ctx context.Context, dir string, tags ...string) ([]Package, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-tags="+strings.Join(tags, ","),
		"-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	var packages []Package
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, Package{
			Path:        relative(listed.ImportPath),
			Imports:     relatives(listed.Imports),
			TestImports: relatives(slices.Concat(listed.TestImports, listed.XTestImports)),
		})
	}
}

func relative(path string) string {
	if path == Module {
		return "."
	}
	return strings.TrimPrefix(path, Module+"/")
}

func relatives(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = relative(p)
	}
	return out
}
