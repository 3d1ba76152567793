package pgserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// oldest is the oldest major version that the schema works with.
const oldest = 14

// usual are the patterns of the folders in which PostgreSQL's packages install their binaries, one folder per major version.
var usual = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	"/usr/local/pgsql/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
}

// binaries returns the folder of initdb and postgres: the folder from the options, the newest version on the machine that fits
// the data, or a fetched one.
func binaries(ctx context.Context, opts Options, account account) (string, error) {
	want := dataVersion(opts.DataDir) // 0 if there is no data yet
	if opts.BinDir != "" {
		version, err := majorVersion(ctx, opts.BinDir)
		if err != nil {
			return "", err
		}
		if want != 0 && version != want {
			return "", fmt.Errorf("the data in %s belongs to PostgreSQL %d, but %s is version %d", opts.DataDir, want, opts.BinDir, version)
		}
		return opts.BinDir, nil
	}
	if !opts.Fetch {
		if dir := installed(ctx, want); dir != "" {
			return dir, nil
		}
	}
	dir, err := fetched(ctx, opts, account)
	if err != nil {
		return "", fmt.Errorf("%s is not installed on this machine and could not be downloaded: install it "+
			"(Debian and Ubuntu: apt install postgresql; macOS: brew install postgresql@17), or name a running server: %w",
			wanted(want), err)
	}
	if version, err := majorVersion(ctx, dir); err != nil {
		return "", err
	} else if want != 0 && version != want {
		return "", fmt.Errorf("the data in %s belongs to PostgreSQL %d, but the downloaded binaries are version %d: "+
			"install PostgreSQL %d, or start with an empty folder", opts.DataDir, want, version, want)
	}
	return dir, nil
}

func wanted(version int) string {
	if version != 0 {
		return fmt.Sprintf("PostgreSQL %d, which created the data,", version)
	}
	return fmt.Sprintf("PostgreSQL %d or newer", oldest)
}

// installed returns the folder of the newest version on the machine, or of the wanted version, or "" if there is none.
func installed(ctx context.Context, want int) string {
	var candidates []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			candidates = append(candidates, filepath.Dir(path))
		}
	}
	for _, pattern := range usual {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed
		candidates = append(candidates, found...)
	}
	best, bestVersion := "", 0
	for _, dir := range candidates {
		version, err := majorVersion(ctx, dir)
		if err == nil && version >= oldest && version > bestVersion && (want == 0 || version == want) {
			best, bestVersion = dir, version
		}
	}
	return best
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func majorVersion(ctx context.Context, dir string) (int, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0, fmt.Errorf("%s has no initdb: %w", dir, err)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("%s does not run: %w", filepath.Join(dir, "postgres"), err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("%s prints an unknown version: %q", filepath.Join(dir, "postgres"), out)
	}
	return strconv.Atoi(string(match[1]))
}

func dataVersion(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	version, _ := strconv.Atoi(strings.TrimSpace(string(text))) // if the file has no version, PostgreSQL will report it
	return version
}
