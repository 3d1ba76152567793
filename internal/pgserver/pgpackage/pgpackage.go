// Package pgpackage downloads PostgreSQL's binaries from a Maven repository, and refuses a package that is not the one that
// this repository names. The packages are those of the project zonkyio/embedded-postgres-binaries. They have the server and
// its extensions, but no clients.
package pgpackage

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/xi2/xz"
)

// Version is the version of PostgreSQL in the packages. To change it, change the checksums too, and the image of PostgreSQL in
// docker-compose.yml.
const Version = "17.11"

// MavenCentral is the repository that has the packages.
const MavenCentral = "https://repo1.maven.org/maven2"

// checksums are the SHA-256 checksums of the packages, by platform. A repository that was broken into can replace a package
// and the checksum beside it, but not the ones here.
var checksums = map[string]string{
	"linux-amd64":        "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d",
	"linux-amd64-alpine": "ace9a6f95b1c98ce84c9841267cd04ebee5d7de5dc7b8fea148ead44f145afbd",
	"linux-arm64v8":      "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b",
	"darwin-amd64":       "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64",
	"darwin-arm64v8":     "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5",
}

// limit allows slow connections. The largest package has 62 MB.
const limit = 5 * time.Minute

// maxSize bounds what is read from a repository, in bytes.
const maxSize = 128 << 20

// Platform returns the name that the packages have for this machine, such as "linux-amd64".
func Platform() string {
	arch := runtime.GOARCH
	if arch == "arm64" {
		arch = "arm64v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		arch += "-alpine"
	}
	return runtime.GOOS + "-" + arch
}

// Fetch downloads the package for a platform from a repository, and returns the tar archive in it: bin, lib and share. It
// returns an error if the package has another checksum than the one that this package knows.
func Fetch(ctx context.Context, repository, platform string) (io.Reader, error) {
	want, known := checksums[platform]
	if !known {
		return nil, fmt.Errorf("there is no package of PostgreSQL %s for %s; there are packages for %s",
			Version, platform, strings.Join(slices.Sorted(maps.Keys(checksums)), ", "))
	}
	from := fmt.Sprintf("%s/io/zonky/test/postgres/embedded-postgres-binaries-%s/%s.0/embedded-postgres-binaries-%[2]s-%[3]s.0.jar",
		repository, platform, Version)
	jar, err := get(ctx, from)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(jar); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("%s has the SHA-256 checksum %x instead of %s: it is damaged, or somebody has replaced it", from, sum, want)
	}
	return unpack(jar)
}

func get(ctx context.Context, from string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the download took longer than %s", limit))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errors.Join(context.Cause(ctx), err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", from, resp.Status)
	}
	jar, err := io.ReadAll(io.LimitReader(resp.Body, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, errors.Join(context.Cause(ctx), err))
	}
	if len(jar) > maxSize {
		return nil, fmt.Errorf("%s is larger than %d MiB", from, maxSize>>20)
	}
	return jar, nil
}

// unpack returns the tar archive in a package.
func unpack(jar []byte) (io.Reader, error) {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, fmt.Errorf("unpack PostgreSQL %s: %w", Version, err)
	}
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		packed, err := file.Open()
		if err != nil {
			return nil, fmt.Errorf("unpack PostgreSQL %s: %w", Version, err)
		}
		return xz.NewReader(packed, 0)
	}
	return nil, fmt.Errorf("the package of PostgreSQL %s has no .txz file", Version)
}
