package main

import (
	"context"
	"embed"
	"maps"
	"slices"
	"strings"
)

//go:embed postgres kafka nginx golang
var dockerfiles embed.FS

// A recipe says how one repository's stand-ins are built.
type recipe struct {
	// folder is the folder of the Dockerfile and of the files that it copies.
	folder string
	// prepare obtains the other files of the build.
	prepare func(ctx context.Context, version string, progress func(string)) (ingredients, error)
}

// ingredients are the things that a build needs in addition to the recipe's folder.
type ingredients struct {
	madeOf  string            // a short description, with versions
	version string            // the version of the program
	args    map[string]string // the arguments of the Dockerfile
	add     func(*buildContext) error
}

var recipes = map[string]recipe{
	"postgres":     {"postgres", preparePostgres},
	"apache/kafka": {"kafka", prepareKafka},
	"nginx":        {"nginx", prepareNginx},
	"golang":       {"golang", prepareGo},
}

// known lists the repositories that have a recipe.
func known() string {
	return strings.Join(slices.Sorted(maps.Keys(recipes)), ", ")
}

func prepareNginx(context.Context, string, func(string)) (ingredients, error) {
	return ingredients{madeOf: "nginx 1.22.1 of Debian bookworm", version: "1.22.1"}, nil
}
