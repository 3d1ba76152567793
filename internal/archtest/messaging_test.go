package archtest_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// Messaging could be a library of its own. So neither its code nor its tables use the project's name, except in import
// paths, or an error code that the tables of the services raise.
func TestMessagingNamesNothingOfTheServices(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	foreign := regexp.MustCompile(`(?im)\bMS\d{3}\b|monsplit(?:[^/]|$)`)
	read := 0
	for _, folder := range []string{"internal/messaging", "sql/messaging"} {
		err := fs.WalkDir(root, folder, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || path.Ext(name) != ".go" && path.Ext(name) != ".sql" || strings.HasSuffix(name, "_test.go") {
				return err
			}
			read++
			text, err := fs.ReadFile(root, name)
			if found := foreign.Find(text); found != nil {
				t.Errorf("%s names %q: messaging does not know the services", name, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 50 {
		t.Errorf("read %d files: the folders have other names now", read)
	}
}
