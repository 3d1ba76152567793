package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

// The consumer in TypeScript, and the client that it uses.
const (
	typescriptClient   = "api/client/ts"
	typescriptConsumer = "examples/storefront/contract"
)

// typescript runs the tests of the TypeScript consumer. They write contracts in Pact's own form. typescript turns these
// into the canonical form, as package pact does for Go consumers.
func (r *results) typescript(ctx context.Context, check bool) error {
	if err := needNPM("one consumer is written in TypeScript"); err != nil {
		return err
	}
	for _, dir := range []string{typescriptClient, typescriptConsumer} {
		if err := install(ctx, dir); err != nil {
			return err
		}
	}
	if !built(typescriptClient) {
		if err := npm(ctx, typescriptClient, nil, "run", "build"); err != nil {
			return err
		}
	}
	drafts, err := os.MkdirTemp("", "pacts")
	if err != nil {
		return err
	}
	defer os.RemoveAll(drafts)
	if err := npm(ctx, typescriptConsumer, []string{"PACT_DIR=" + drafts, "PACT_DO_NOT_TRACK=true"}, "run", "contract"); err != nil {
		return err
	}
	files, err := pactfile.ReadAll(drafts)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := f.Publish(contracts, check); err != nil {
			return err
		}
		for _, i := range f.Interactions { // otherwise npm would have failed
			r.note(consumerTest+"/"+f.Name()+"/"+i.Name(), "pass")
		}
	}
	return nil
}

// install installs the dependencies that the lock file names, unless they are installed already. npm copies the lock file
// at the end of an installation, so the time of the copy tells.
func install(ctx context.Context, dir string) error {
	wanted, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	have, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !have.ModTime().Before(wanted.ModTime()) {
		return nil
	}
	return npm(ctx, dir, nil, "ci")
}

// built reports whether the package was built after the last change of its sources.
func built(dir string) bool {
	output, err := os.Stat(filepath.Join(dir, "dist", "index.js"))
	if err != nil {
		return false
	}
	sources, err := filepath.Glob(filepath.Join(dir, "src", "*.ts"))
	if err != nil {
		return false
	}
	for _, source := range append(sources, filepath.Join(dir, "package-lock.json"), filepath.Join(dir, "tsconfig.json")) {
		if info, err := os.Stat(source); err != nil || info.ModTime().After(output.ModTime()) {
			return false
		}
	}
	return true
}

// needNPM returns an error if npm is missing. The error says why npm is needed and how to get it.
func needNPM(reason string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("%s, and npm is not in the PATH: install Node.js, https://nodejs.org/en/download", reason)
	}
	return nil
}

// npm runs npm. It prints nothing; an error contains the output.
func npm(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "npm", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm %s in %s: %w\n%s", strings.Join(args, " "), dir, err, out)
	}
	return nil
}
