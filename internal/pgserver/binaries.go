package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// oldest is the oldest major version that the schema works with.
const oldest = 14

// usual are the folders in which PostgreSQL's packages put their binaries, one for each major version.
var usual = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	"/usr/local/pgsql/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
}

// binaries finds the folder of initdb and postgres: the one that was asked for, the machine's newest that fits the
// data, or a fetched one.
func binaries(ctx context.Context, opts Options, account account) (string, error) {
	want := dataVersion(opts.DataDir) // 0 when there is no data yet
	if opts.BinDir != "" {
		version, err := majorVersion(ctx, opts.BinDir)
		if err != nil {
			return "", err
		}
		if want != 0 && version != want {
			return "", fmt.Errorf("the data in %s is PostgreSQL %d's, %s is version %d", opts.DataDir, want, opts.BinDir, version)
		}
		return opts.BinDir, nil
	}
	if dir := installed(ctx, want); dir != "" {
		return dir, nil
	}
	dir, err := fetched(ctx, opts, account)
	if err != nil {
		return "", fmt.Errorf("there is no PostgreSQL %d or newer on this machine, and none could be fetched: install it "+
			"(Debian and Ubuntu: apt install postgresql; macOS: brew install postgresql@17), or name a running server: %w", oldest, err)
	}
	if version, err := majorVersion(ctx, dir); err != nil || want != 0 && version != want {
		return "", errors.Join(err, fmt.Errorf("the data in %s is PostgreSQL %d's, the fetched binaries are version %d: "+
			"install PostgreSQL %d, or begin with an empty folder", opts.DataDir, want, version, want))
	}
	return dir, nil
}

// installed returns the folder of the newest version on the machine, or of the wanted one; "" when there is none.
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
		return 0, fmt.Errorf("%s prints no version that is known: %q", filepath.Join(dir, "postgres"), out)
	}
	return strconv.Atoi(string(match[1]))
}

func dataVersion(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if err != nil {
		return 0
	}
	version, _ := strconv.Atoi(strings.TrimSpace(string(text))) // a file that is no version: PostgreSQL will complain
	return version
}

// fetchedVersion is what is fetched where the machine has none.
const fetchedVersion = embeddedpostgres.V17

// fetched returns the folder of the fetched binaries, fetching them first if need be.
func fetched(ctx context.Context, opts Options, account account) (string, error) {
	cache := opts.CacheDir
	if cache == "" {
		var err error
		if cache, err = defaultCache(account); err != nil {
			return "", err
		}
	}
	home := filepath.Join(cache, "postgres-"+string(fetchedVersion))
	bin := filepath.Join(home, "bin")
	if _, err := majorVersion(ctx, bin); err == nil {
		return bin, nil
	}
	opts.Progress("fetching PostgreSQL (once, about 15 MB)")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	if err := account.canReach(cache); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	port, err := freePort()
	if err != nil {
		return "", err
	}
	fresh := filepath.Join(work, "postgres")
	// The library has no call that only fetches, so its server is started and stopped. As root that start fails, after
	// everything has been fetched: what counts is whether the binaries are there.
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(fetchedVersion).Port(uint32(port)).
		CachePath(work).BinariesPath(fresh).RuntimePath(filepath.Join(work, "run")).Logger(io.Discard))
	startErr := server.Start()
	if startErr == nil {
		startErr = server.Stop()
	}
	if _, err := majorVersion(ctx, filepath.Join(fresh, "bin")); err != nil {
		return "", errors.Join(startErr, err)
	}
	// The libraries beside the binaries have to be readable by the server's user.
	if err := os.Chmod(fresh, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, home); err != nil {
		if _, absent := majorVersion(ctx, bin); absent != nil { // somebody else may have been faster
			return "", err
		}
	}
	return bin, nil
}

// defaultCache is the user's cache folder, or, where the server runs as another user, one that this user may enter.
func defaultCache(account account) (string, error) {
	if account.other {
		return "/var/cache/monsplit", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "monsplit"), nil
}
