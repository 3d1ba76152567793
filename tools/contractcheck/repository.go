package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// files has the contents of the compared files, by path.
type files map[string][]byte

// patterns match the paths of the compared files.
var patterns = []string{"api/*/openapi.yaml", "asyncapi/*.yaml", pactDir + "/*.json", acceptedFile}

// documents are the patterns that must match at least one file. With nothing to compare, every change would pass.
var documents = patterns[:2]

type repository struct{ root string }

func openRepository(ctx context.Context) (*repository, error) {
	root, err := (&repository{root: "."}).git(ctx, "rev-parse", "--show-toplevel")
	return &repository{root: root}, err
}

func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stderr = r.root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimRight(string(out), "\n"), nil
}

// base returns the commit to compare with.
func (r *repository) base(ctx context.Context, ref string) (string, error) {
	if ref != "" {
		return r.git(ctx, "rev-parse", "--verify", ref+"^{commit}")
	}
	head, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	for _, main := range []string{"main", "origin/main"} {
		if base, err := r.git(ctx, "merge-base", "HEAD", main); err == nil && base != head {
			return base, nil
		}
	}
	base, err := r.git(ctx, "rev-parse", "--verify", "HEAD~1^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no commit to compare with; is the clone too shallow? Name one with BASE=REF: %w", err)
	}
	return base, nil
}

// at returns the files of a commit.
func (r *repository) at(ctx context.Context, commit string) (files, error) {
	list, err := r.git(ctx, "ls-tree", "-r", "-z", "--name-only", commit)
	if err != nil {
		return nil, err
	}
	found := files{}
	for name := range strings.SplitSeq(list, "\x00") {
		if !slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) }) {
			continue
		}
		text, err := r.git(ctx, "show", commit+":"+name)
		if err != nil {
			return nil, err
		}
		found[name] = []byte(text + "\n")
	}
	return found, found.complete(commit)
}

// now returns the files in the working tree, committed or not.
func (r *repository) now() (files, error) {
	found := files{}
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join(r.root, pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(r.root, p)
			if err != nil {
				return nil, err
			}
			found[filepath.ToSlash(name)] = text
		}
	}
	return found, nil
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

func (f files) complete(commit string) error {
	var errs []error
	for _, pattern := range documents {
		some := false
		for name := range f {
			some = some || matches(pattern, name)
		}
		if !some {
			errs = append(errs, fmt.Errorf("%s has no %s: there is nothing to compare with", commit, pattern))
		}
	}
	return errors.Join(errs...)
}

// verify verifies providers against contracts, with real servers and stores.
func (r *repository) verify(ctx context.Context, contracts []string) error {
	args := []string{"run", "./internal/testkit/cmd/withpostgres", "--", "go", "run", "./internal/testkit/cmd/pact", "verify"}
	cmd := exec.CommandContext(ctx, "go", append(args, contracts...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.root, os.Stdout, os.Stderr
	return cmd.Run()
}
