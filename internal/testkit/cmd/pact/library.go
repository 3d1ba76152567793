package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// libraryDir is where package pact finds the native library when it links. It is below the module's root; git ignores it.
const libraryDir = ".tools/pact/lib"

// The npm packages that contain the library, at the version with libpact_ffi 0.4.28. pact-go 2.4.2 works with no other.
const (
	packagePrefix  = "@pact-foundation/pact-core-"
	packageVersion = "17.0.0"
)

// library is the native library of one platform.
type library struct{ pkg, dir, file, sha256 string }

// libraries has an entry for each supported platform. On Linux only glibc is supported.
var libraries = map[string]library{
	"linux/amd64":  {"linux-x64-glibc", "linux-x64", "libpact_ffi.so", "f2e805e6433afa2cabc3ad3c309786a975075319dcb370c737e0041b4bff9887"},
	"linux/arm64":  {"linux-arm64-glibc", "linux-arm64", "libpact_ffi.so", "4ac9db05a655e75d874f3bee73eb43e69bbf1f9eacbaf93c52c2a5ba74fe0ec1"},
	"darwin/amd64": {"darwin-x64", "darwin-x64", "libpact_ffi.dylib", "987992b862e00544d7b03caf93ada69599c1689b0be8f6cb795c8d7162d20740"},
	"darwin/arm64": {"darwin-arm64", "darwin-arm64", "libpact_ffi.dylib", "4c2a762fb7d930bcc1296751a4c3270cf3d36aab5eb2152692f0e0108bf943a7"},
}

// obtain puts the library where package pact links it. It needs npm the first time. It needs neither root nor variables.
func obtain(ctx context.Context) error {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	lib, ok := libraries[platform]
	if !ok {
		return fmt.Errorf("there is no native library for %s", platform)
	}
	if lib.present() {
		return nil
	}
	archive, err := pack(ctx, lib)
	if err != nil {
		return err
	}
	content, err := extract(archive, "package/prebuilds/"+lib.dir+"/"+lib.file)
	if err != nil {
		return fmt.Errorf("%s%s: %w", packagePrefix, lib.pkg, err)
	}
	if got := digest(content); got != lib.sha256 {
		return fmt.Errorf("%s of %s%s has the SHA-256 %s instead of %s: it is not used",
			lib.file, packagePrefix, lib.pkg, got, lib.sha256)
	}
	return lib.install(ctx, content)
}

func (l library) path() string { return filepath.Join(libraryDir, l.file) }

// stamp is the file that says which library was installed, and with which content: on macOS install changes the library.
func (l library) stamp() string { return filepath.Join(libraryDir, "source.sha256") }

// stampOf returns the content of the stamp.
func (l library) stampOf(installed []byte) string {
	return l.sha256 + " became " + digest(installed) + "\n"
}

func (l library) present() bool {
	installed, err := os.ReadFile(l.path())
	if err != nil {
		return false
	}
	stamp, err := os.ReadFile(l.stamp())
	return err == nil && string(stamp) == l.stampOf(installed)
}

// pack downloads the package and returns its archive.
func pack(ctx context.Context, l library) ([]byte, error) {
	if err := needNPM("the native library of Pact comes in an npm package"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pact")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := packagePrefix + l.pkg + "@" + packageVersion
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "npm", "pack", "--loglevel=error", "--pack-destination", dir, name)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("npm could not download %s: can its registry be reached? (%w) %s", name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return nil, err
	}
	if len(archives) != 1 {
		return nil, fmt.Errorf("npm pack %s made %d archives", name, len(archives))
	}
	return os.ReadFile(archives[0])
}

func extract(archive []byte, name string) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the package has no file %s", name)
		}
		if err != nil {
			return nil, err
		}
		if header.Name == name {
			return io.ReadAll(files)
		}
	}
}

// install writes the complete file or nothing, because another process may be linking it.
func (l library) install(ctx context.Context, content []byte) error {
	if err := os.MkdirAll(libraryDir, 0o755); err != nil {
		return err
	}
	draft := l.path() + ".new"
	if err := os.WriteFile(draft, content, 0o755); err != nil {
		return err
	}
	if runtime.GOOS == "darwin" {
		// The library's own name must refer to the rpath, and a changed file must be signed again.
		for _, args := range [][]string{{"install_name_tool", "-id", "@rpath/" + l.file, draft}, {"codesign", "-f", "-s", "-", draft}} {
			if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w: %s", args[0], err, out)
			}
		}
	}
	installed, err := os.ReadFile(draft)
	if err != nil {
		return err
	}
	if err := os.Rename(draft, l.path()); err != nil {
		return err
	}
	return os.WriteFile(l.stamp(), []byte(l.stampOf(installed)), 0o644)
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
