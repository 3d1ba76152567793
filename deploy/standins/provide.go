package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// label marks stand-ins. Its value says what they are made of.
const label = "io.github.monsplit.stand-in"

// baseImage is the image that all stand-ins are built on. Their Dockerfiles name it.
const baseImage = "monsplit-standin/base:bookworm"

var (
	// errUnreachable means that the registry did not answer. Then the program does not try its other images.
	errUnreachable = errors.New("the registry cannot be reached")
	// errNoSuchImage means that the registry answered and does not have the image.
	errNoSuchImage = errors.New("the registry has no such image: check the name and the tag")
)

// images is the part of the Docker engine that a provider needs.
type images interface {
	// inspect reports whether the image is present, and returns the value of its label, or "".
	inspect(ctx context.Context, image string) (present bool, madeOf string, err error)
	// pull returns errUnreachable, errNoSuchImage, or another error.
	pull(ctx context.Context, image string) error
	remove(ctx context.Context, image string) error
	// labeled lists the ids of all images with the label.
	labeled(ctx context.Context) ([]string, error)
}

// A provider decides for each image whether to keep, pull or build it.
type provider struct {
	engine      images
	build       func(context.Context, reference, recipe) (madeOf string, err error)
	out         io.Writer
	unreachable bool
}

// provide makes one image available.
func (p *provider) provide(ctx context.Context, image string) error {
	present, madeOf, err := p.engine.inspect(ctx, image)
	switch {
	case err != nil:
		return err
	case present && madeOf == "":
		p.report(image, "present")
		return nil
	}
	cause := p.pull(ctx, image)
	switch {
	case cause == nil:
		p.report(image, "pulled")
		return nil
	case ctx.Err() != nil || errors.Is(cause, errNoSuchImage):
		return cause
	case madeOf != "":
		p.report(image, "present, a stand-in made of %s; \"standins --remove %s\" removes it", madeOf, image)
		return nil
	}
	return p.standIn(ctx, image, cause)
}

// pull pulls from the registry. This also replaces a stand-in. It does not ask a registry again that did not answer.
func (p *provider) pull(ctx context.Context, image string) error {
	if p.unreachable {
		return errUnreachable
	}
	err := p.engine.pull(ctx, image)
	p.unreachable = errors.Is(err, errUnreachable)
	return err
}

// standIn builds a stand-in for an image that could not be pulled because of cause.
func (p *provider) standIn(ctx context.Context, image string, cause error) error {
	ref, err := parse(image)
	if err != nil {
		return fmt.Errorf("%w, and no stand-in can be built: %w", cause, err)
	}
	recipe, ok := recipes[ref.repository]
	if !ok {
		return fmt.Errorf("%w, and there is no stand-in for it: there are some for %s. "+
			"Pull the image where a registry can be reached, and bring it here by docker save and docker load", cause, known())
	}
	p.report(image, "%v; building a stand-in", cause)
	start := time.Now()
	madeOf, err := p.build(ctx, ref, recipe)
	if err != nil {
		return fmt.Errorf("build a stand-in: %w", err)
	}
	p.report(image, "a STAND-IN made of %s, built in %.0f s", madeOf, time.Since(start).Seconds())
	return nil
}

// remove removes the image if it is a stand-in.
func (p *provider) remove(ctx context.Context, image string) error {
	present, madeOf, err := p.engine.inspect(ctx, image)
	if err != nil {
		return err
	}
	ref, err := parse(image)
	switch _, ours := recipes[ref.repository]; {
	case !present:
		p.report(image, "not present")
	case err != nil || !ours || madeOf == "": // images that are built on a stand-in have its label too
		p.report(image, "kept, because it is not a stand-in")
	default:
		if err := p.engine.remove(ctx, image); err != nil {
			return err
		}
		p.report(image, "removed")
	}
	return nil
}

// removeBase removes the base image, unless another image is still built on it.
func (p *provider) removeBase(ctx context.Context) error {
	present, madeOf, err := p.engine.inspect(ctx, baseImage)
	if err != nil || !present || madeOf == "" {
		return err
	}
	ids, err := p.engine.labeled(ctx)
	if err != nil {
		return err
	}
	if len(ids) > 1 {
		p.report(baseImage, "kept, because other images are built on it")
		return nil
	}
	if err := p.engine.remove(ctx, baseImage); err != nil {
		return err
	}
	p.report(baseImage, "removed")
	return nil
}

func (p *provider) report(image, format string, args ...any) {
	fmt.Fprintf(p.out, "%s: %s\n", image, fmt.Sprintf(format, args...))
}
