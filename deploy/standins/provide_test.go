package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// fakeImages is an engine with some images, and a registry that answers each pull with an error or nil.
type fakeImages struct {
	present  map[string]string // the label of each image
	registry map[string]error
	pulls    []string
}

func (f *fakeImages) inspect(_ context.Context, image string) (bool, string, error) {
	madeOf, present := f.present[image]
	return present, madeOf, nil
}

func (f *fakeImages) pull(_ context.Context, image string) error {
	f.pulls = append(f.pulls, image)
	return f.registry[image]
}

func (f *fakeImages) remove(_ context.Context, image string) error {
	delete(f.present, image)
	return nil
}

func (f *fakeImages) labeled(context.Context) ([]string, error) {
	var names []string
	for name, madeOf := range f.present {
		if madeOf != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

type bundle struct {
	*provider
	engine *fakeImages
	out    *strings.Builder
	built  []string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{engine: &fakeImages{present: map[string]string{}, registry: map[string]error{}}, out: new(strings.Builder)}
	b.provider = &provider{engine: b.engine, out: b.out, build: func(_ context.Context, ref reference, _ recipe) (string, error) {
		b.built = append(b.built, ref.image)
		return "wood", nil
	}}
	return b
}

func TestPresentImagesStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.present = map[string]string{"postgres:17.11": ""}
	if err := b.provide(t.Context(), "postgres:17.11"); err != nil {
		t.Fatal(err)
	}
	if len(b.engine.pulls)+len(b.built) != 0 {
		t.Errorf("pulled %v, built %v; want nothing", b.engine.pulls, b.built)
	}
}

// A stand-in is good enough only while the official image cannot be pulled.
func TestAStandInIsReplacedWhereThatIsPossible(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		registry error
		want     string
	}{
		"reachable":   {nil, "nginx:1.28.0: pulled"},
		"unreachable": {errUnreachable, "nginx:1.28.0: present, a stand-in made of wood"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.engine.present = map[string]string{"nginx:1.28.0": "wood"}
			b.engine.registry["nginx:1.28.0"] = tt.registry
			if err := b.provide(t.Context(), "nginx:1.28.0"); err != nil {
				t.Fatal(err)
			}
			if len(b.engine.pulls) != 1 || len(b.built) != 0 || !strings.Contains(b.out.String(), tt.want) {
				t.Errorf("pulled %v, built %v, printed %q; want %q", b.engine.pulls, b.built, b.out, tt.want)
			}
		})
	}
}

func TestPullableImagesAreNotBuilt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.provide(t.Context(), "example.org/unknown:1"); err != nil {
		t.Fatal(err)
	}
	if len(b.built) != 0 {
		t.Errorf("built %v; want nothing", b.built)
	}
}

func TestAnUnreachableRegistryIsAskedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.registry["postgres:17.11"] = errUnreachable
	for _, image := range []string{"postgres:17.11", "nginx:1.28.0"} {
		if err := b.provide(t.Context(), image); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"postgres:17.11"}; !slices.Equal(b.engine.pulls, want) {
		t.Errorf("pulled %v; want %v", b.engine.pulls, want)
	}
	if want := []string{"postgres:17.11", "nginx:1.28.0"}; !slices.Equal(b.built, want) {
		t.Errorf("built %v; want %v", b.built, want)
	}
	if !strings.Contains(b.out.String(), "nginx:1.28.0: a STAND-IN made of wood") {
		t.Errorf("printed %q; want what the stand-in is made of", b.out)
	}
}

func TestOtherFailuresDoNotBlameTheRegistry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.registry["postgres:17.11"] = errors.New("toomanyrequests")
	for _, image := range []string{"postgres:17.11", "nginx:1.28.0"} {
		if err := b.provide(t.Context(), image); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"postgres:17.11", "nginx:1.28.0"}; !slices.Equal(b.engine.pulls, want) {
		t.Errorf("pulled %v; want %v", b.engine.pulls, want)
	}
	if want := []string{"postgres:17.11"}; !slices.Equal(b.built, want) {
		t.Errorf("built %v; want %v", b.built, want)
	}
}

func TestNoStandIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		image string
		cause error
		want  string
	}{
		"a name that the registry does not know": {"postgres:17.999", errNoSuchImage, "check the name"},
		"no recipe":                              {"redis:8.0", errUnreachable, "there are some for apache/kafka, golang, nginx, postgres"},
		"a repository of the same name elsewhere": {"example.org/postgres:17.11", errUnreachable,
			"there is no stand-in"},
		"a variant": {"postgres:17.11-alpine", errUnreachable, "not a plain version"},
		"no tag":    {"postgres", errUnreachable, "not a plain version"},
		"a digest":  {"postgres@sha256:abc", errUnreachable, "digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.engine.registry[tt.image] = tt.cause
			err := b.provide(t.Context(), tt.image)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
			if len(b.built) != 0 {
				t.Errorf("built %v; want nothing", b.built)
			}
		})
	}
}

func TestRemoveTakesOnlyStandIns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.present = map[string]string{
		"postgres:17.11": "wood", "nginx:1.28.0": "", "gateway:1": "wood", baseImage: "wood", "golang:1.26.11": "wood",
	}
	for _, image := range []string{"postgres:17.11", "nginx:1.28.0", "gateway:1", "apache/kafka:4.1.1"} {
		if err := b.remove(t.Context(), image); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.removeBase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, left := b.engine.present["postgres:17.11"]; left || len(b.engine.present) != 4 {
		t.Errorf("left %v; want all but postgres", b.engine.present)
	}
}

func TestTheBaseGoesLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.engine.present = map[string]string{"nginx:1.28.0": "", baseImage: "wood"}
	if err := b.removeBase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, left := b.engine.present[baseImage]; left {
		t.Error("the base image is left; want it removed")
	}
}
