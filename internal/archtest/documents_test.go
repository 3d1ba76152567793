package archtest_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The documents prove what they promise by naming tests; a test that was renamed or removed proves nothing.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	exists := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
	err := fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, name)
		for _, match := range function.FindAllSubmatch(text, -1) {
			exists[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for document, least := range map[string]int{"README.md": 20, "docs/design.md": 15, "docs/development.md": 15} {
		text, err := fs.ReadFile(root, document)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`).FindAllString(string(text), -1)
		if len(named) < least {
			t.Errorf("%s names %d tests, want at least %d: the pattern no longer finds them", document, len(named), least)
		}
		for _, name := range named {
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", document, name)
			}
		}
	}
}
