package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// A builder builds stand-ins.
type builder struct {
	engine docker
	out    io.Writer
}

// build builds the image ref and returns what it is made of.
func (b builder) build(ctx context.Context, ref reference, r recipe) (string, error) {
	progress := func(step string) { fmt.Fprintf(b.out, "%s: %s\n", ref.image, step) }
	made, err := r.prepare(ctx, ref.version, progress)
	if err != nil {
		return "", err
	}
	if err := b.ensureBase(ctx); err != nil { // after prepare, which refuses versions at once
		return "", err
	}
	if made.version != ref.version && !strings.HasPrefix(made.version, ref.version+".") {
		made.madeOf += " (not " + ref.version + ")"
	}
	files, err := fs.Sub(dockerfiles, r.folder)
	if err != nil {
		return "", err
	}
	fill := func(c *buildContext) error {
		if err := c.files(files); err != nil || made.add == nil {
			return err
		}
		return made.add(c)
	}
	args := []string{"--tag", ref.image, "--label", label + "=" + made.madeOf}
	for name, value := range made.args {
		args = append(args, "--build-arg", name+"="+value)
	}
	out, err := b.engine.build(ctx, fill, args)
	if err != nil && ctx.Err() == nil && noNetwork(out) {
		// On some machines, bridge networks cannot reach the Internet.
		progress("containers cannot reach the Internet; building again on the host's network")
		_, err = b.engine.build(ctx, fill, append(args, "--network", "host"))
	}
	return made.madeOf, err
}

// noNetwork reports whether apt-get failed because it reached no server.
func noNetwork(output string) bool {
	for _, sign := range []string{"Temporary failure resolving", "Could not resolve", "Could not connect", "Failed to fetch"} {
		if strings.Contains(output, sign) {
			return true
		}
	}
	return false
}
