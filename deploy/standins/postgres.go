package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/xi2/xz"
)

// These are the binaries that the library embedded-postgres uses too. They have a server but no clients.
const postgresPackages = "https://repo1.maven.org/maven2/io/zonky/test/postgres/embedded-postgres-binaries-"

// preparePostgres fetches the server in exactly the requested version.
func preparePostgres(ctx context.Context, version string, progress func(string)) (ingredients, error) {
	major, _, minor := strings.Cut(version, ".")
	if !minor {
		return ingredients{}, fmt.Errorf("name the minor version too, such as %s.1", version)
	}
	if n, err := strconv.Atoi(major); err != nil || n < 10 || n > 17 {
		return ingredients{}, fmt.Errorf("the stand-in follows the images of PostgreSQL 10 to 17, and later ones keep their data elsewhere; "+
			"choose one of those instead of %s", version)
	}
	progress("fetching PostgreSQL " + version + " (15 MB)")
	jar, err := fetchPostgres(ctx, version)
	if err != nil {
		return ingredients{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	files, err := unpackPostgres(jar)
	if err != nil {
		return ingredients{}, fmt.Errorf("unpack PostgreSQL %s: %w", version, err)
	}
	return ingredients{
		madeOf:  "PostgreSQL " + version + " of Maven Central, with psql 15 of Debian bookworm",
		version: version,
		args:    map[string]string{"PG_MAJOR": major},
		add:     func(c *buildContext) error { return c.file("postgres.tar", 0o644, files) },
	}, nil
}

// fetchPostgres returns the package, after it has compared its checksum with the one at Maven Central.
func fetchPostgres(ctx context.Context, version string) ([]byte, error) {
	platform, ok := map[string]string{"amd64": "linux-amd64", "arm64": "linux-arm64v8"}[runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("there is no package for %s", runtime.GOARCH)
	}
	from := fmt.Sprintf("%s%s/%s.0/embedded-postgres-binaries-%[2]s-%[3]s.0.jar", postgresPackages, platform, version)
	jar, err := get(ctx, from)
	if err != nil {
		return nil, err
	}
	want, err := get(ctx, from+".sha256")
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(jar); hex.EncodeToString(sum[:]) != strings.TrimSpace(string(want)) {
		return nil, fmt.Errorf("%s is damaged: its SHA-256 is %x", from, sum)
	}
	return jar, nil
}

func get(ctx context.Context, from string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s does not exist: choose another version", from)
	} else if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", from, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// unpackPostgres returns the tar file in the package.
func unpackPostgres(jar []byte) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, err
	}
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		packed, err := file.Open()
		if err != nil {
			return nil, err
		}
		defer packed.Close()
		unpacked, err := xz.NewReader(packed, 0)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(unpacked)
	}
	return nil, errors.New("the package has no .txz file")
}
