package archtest_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// The documents name a test for each promise. These tests must exist.
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
	named := map[string]int{}
	for _, d := range documents(t, root) {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`).FindAllString(d.whole, -1) {
			named[d.name]++
			if !exists[name] {
				t.Errorf("%s names %s, which does not exist", d.name, name)
			}
		}
	}
	for document, least := range map[string]int{"README.md": 20, "docs/schedules.md": 15, "docs/development.md": 5, "docs/contracts.md": 3} {
		if named[document] < least {
			t.Errorf("%s names %d tests, want at least %d: the pattern no longer finds them", document, named[document], least)
		}
	}
}

var (
	numbered = regexp.MustCompile("([0-9]+) (?:partitions|shards|instances)\\b|`event\\.Partitions` is ([0-9]+)")
	spaces   = regexp.MustCompile(`\s+`)
)

// The number of partitions is a constant of the code. The documents repeat it for people.
func TestDocumentsKnowTheNumberOfPartitions(t *testing.T) {
	t.Parallel()
	found := 0
	for _, d := range documents(t, os.DirFS("../..")) {
		for _, m := range numbered.FindAllStringSubmatch(spaces.ReplaceAllString(d.whole, " "), -1) {
			found++
			if got, want := m[1]+m[2], fmt.Sprint(event.Partitions); got != want {
				t.Errorf("%s says %q, but event.Partitions is %s", d.name, m[0], want)
			}
		}
	}
	if found < 4 {
		t.Errorf("found the number of partitions %d times: the pattern no longer finds it", found)
	}
}
