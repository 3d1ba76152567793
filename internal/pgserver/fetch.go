package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchedVersion is the version to fetch if the machine has no PostgreSQL.
const fetchedVersion = embeddedpostgres.V17

// fetchTimeout allows slow connections. The download is about 15 MB.
const fetchTimeout = 5 * time.Minute

// fetched returns the folder of the fetched binaries. It fetches them first if necessary.
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
	opts.Progress("downloading PostgreSQL (once, about 15 MB)")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	if err := account.canReach(cache); err != nil {
		return "", err
	}
	removeInterrupted(cache)
	work, err := os.MkdirTemp(cache, fetchPrefix)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	fresh := filepath.Join(work, "postgres")
	if err := fetch(ctx, opts.FetchURL, work, fresh); err != nil {
		return "", err
	}
	// The server's user must be able to read them.
	if err := os.Chmod(fresh, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, home); err != nil {
		if _, absent := majorVersion(ctx, bin); absent != nil { // otherwise another process was faster
			return "", err
		}
	}
	return bin, nil
}

// fetch downloads the binaries into the folder fresh.
func fetch(ctx context.Context, from, work, fresh string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, fetchTimeout, fmt.Errorf("the download took longer than %s", fetchTimeout))
	defer cancel()
	port, err := freePort()
	if err != nil {
		return err
	}
	// The library has no call that only fetches. With an encoding that does not exist, it fetches, unpacks, and fails at
	// initdb. So it never starts a server, which could outlive this process. The fetch succeeded if the binaries exist.
	config := embeddedpostgres.DefaultConfig().Version(fetchedVersion).Port(uint32(port)).
		CachePath(work).BinariesPath(fresh).RuntimePath(filepath.Join(work, "run")).Encoding("none").Logger(io.Discard)
	if from != "" {
		config = config.BinaryRepositoryURL(from)
	}
	library := embeddedpostgres.NewDatabase(config)
	ended := make(chan error, 1)
	go func() { ended <- library.Start() }() // it takes no context, and ends with this process at the latest
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-ended:
		if err == nil {
			err = library.Stop()
		}
		if _, absent := majorVersion(ctx, filepath.Join(fresh, "bin")); absent == nil {
			return nil
		} else if err == nil {
			return absent
		}
		first, _, _ := strings.Cut(err.Error(), "\n") // the other lines come from initdb
		return errors.New(first)
	}
}

const fetchPrefix = "fetch-"

// removeInterrupted removes the folders that killed fetches left behind.
func removeInterrupted(cache string) {
	dirs, _ := filepath.Glob(filepath.Join(cache, fetchPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(dir) // the next fetch tries again
		}
	}
}

// defaultCache returns the cache folder of the user. If the server runs as another user, it returns a folder that this user
// may enter.
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

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // instant
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
