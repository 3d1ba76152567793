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
	// folder is the folder of the Dockerfile and of what it copies.
	folder string
	// prepare obtains the rest.
	prepare func(ctx context.Context, version string, progress func(string)) (ingredients, error)
}

// ingredients is what a build needs besides the recipe's folder.
type ingredients struct {
	madeOf  string            // in one phrase, with versions
	version string            // of the program
	args    map[string]string // of the Dockerfile
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
