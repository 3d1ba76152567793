package pgtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A server may run as another user, who must reach its data. That must not change folders that others use: without its
// sticky bit and its write permission, no other user can use /tmp.
func TestAServerChangesNoFolderOfOthers(t *testing.T) {
	t.Parallel()
	before := modes(t)
	pgtest.NewServer(t)
	for dir, after := range modes(t) {
		if after != before[dir] {
			t.Errorf("%s: %s, was %s", dir, after, before[dir])
		}
	}
}

// modes returns modes (with the sticky bit) and owners of the folders in which tests create theirs, and of all parents.
func modes(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, base := range []string{os.TempDir(), os.Getenv("GOTMPDIR"), pgtest.Scratch()} { // t.TempDir is in one of the first two
		dir, err := filepath.Abs(base)
		if err != nil {
			t.Fatal(err)
		}
		for ; ; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			owner := info.Sys().(*syscall.Stat_t)
			list[dir] = fmt.Sprintf("%s of user %d and group %d", info.Mode(), owner.Uid, owner.Gid)
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return list
}
