package archtest_test

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// sources are the files of the repository that are not documents, by their paths. The documents name what is in them.
type sources map[string]string

// notSources are folders of files that are downloaded or built.
var notSources = append([]string{"dist", "build"}, notDocuments...)

// largeFile is more than any hand-written file has: bundles and lists of dependencies are larger.
const largeFile = 300_000

// readSources leaves out the file whose examples name what does not exist.
func readSources(t *testing.T, root fs.FS) sources {
	t.Helper()
	found := sources{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notSources, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular() || path.Ext(name) == ".md" || name == "internal/archtest/names_test.go":
			return nil
		}
		if info, err := entry.Info(); err != nil || info.Size() > largeFile {
			return err
		}
		text, err := fs.ReadFile(root, name)
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 400 {
		t.Fatalf("found %d sources: the folders have other names now", len(found))
	}
	return found
}

// find returns what the first group of a pattern finds in the files whose path matches.
func (s sources) find(files, pattern string) map[string]bool {
	file, expression := regexp.MustCompile(files), regexp.MustCompile(pattern)
	found := map[string]bool{}
	for name, text := range s {
		if file.MatchString(name) {
			for _, m := range expression.FindAllStringSubmatch(text, -1) {
				found[m[1]] = true
			}
		}
	}
	return found
}

// contains reports whether a file has a text that is not the beginning of a longer name.
func (s sources) contains(text string) bool {
	for _, file := range s {
		for rest := file; ; {
			_, after, found := strings.Cut(rest, text)
			if !found {
				break
			}
			if next, _ := utf8.DecodeRuneInString(after); next != '_' && next != '-' && !unicode.IsLetter(next) && !unicode.IsDigit(next) {
				return true
			}
			rest = after
		}
	}
	return false
}
