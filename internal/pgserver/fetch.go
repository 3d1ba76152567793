package pgserver

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/monsplit/monsplit/internal/pgserver/pgpackage"
)

// fetched returns the folder of the fetched binaries. It fetches them first if necessary.
func fetched(ctx context.Context, opts Options, account account) (string, error) {
	cache := opts.CacheDir
	if cache == "" {
		var err error
		if cache, err = defaultCache(account); err != nil {
			return "", err
		}
	}
	home := filepath.Join(cache, "postgres-"+pgpackage.Version)
	bin := filepath.Join(home, "bin")
	if _, err := majorVersion(ctx, bin); err == nil {
		return bin, nil
	}
	opts.Progress("downloading PostgreSQL (once)")
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
	if err := fetch(ctx, opts.FetchURL, fresh); err != nil {
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

// fetch downloads the binaries into the folder fresh, and checks that they run.
func fetch(ctx context.Context, from, fresh string) error {
	if from == "" {
		from = pgpackage.MavenCentral
	}
	archive, err := pgpackage.Fetch(ctx, from, pgpackage.Platform())
	if err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(fresh)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := extract(tar.NewReader(archive), root); err != nil {
		return fmt.Errorf("unpack PostgreSQL: %w", err)
	}
	_, err = majorVersion(ctx, filepath.Join(fresh, "bin"))
	return err
}

// extract writes the files, folders and links of an archive into a folder. Nothing is written outside of it.
func extract(archive *tar.Reader, root *os.Root) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := extractOne(header, archive, root); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func extractOne(header *tar.Header, content io.Reader, root *os.Root) error {
	if header.Typeflag == tar.TypeDir {
		return root.MkdirAll(header.Name, 0o755)
	}
	if err := root.MkdirAll(filepath.Dir(header.Name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		file, err := root.OpenFile(header.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm())
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			_ = file.Close() // the first error counts
			return err
		}
		return file.Close()
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, header.Name)
	case tar.TypeLink:
		return root.Link(header.Linkname, header.Name)
	}
	return fmt.Errorf("unexpected type %q", header.Typeflag)
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
