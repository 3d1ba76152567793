package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// filesNamed returns the files of the repository with a name, except those of installed packages.
func filesNamed(t *testing.T, name string) (files []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if entry.Name() == name {
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("found no file %s: %v", name, err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// All modules and images are built by the same patch release of Go. Hosted CI takes it from go.mod.
func TestOneToolchainBuildsEverything(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^toolchain go(\S+)$`)
	var want string
	for _, file := range filesNamed(t, "go.mod") {
		found := line.FindStringSubmatch(read(t, file))
		if found == nil {
			t.Errorf("%s has no toolchain line", file)
			continue
		}
		if want == "" {
			want = found[1]
		}
		if found[1] != want {
			t.Errorf("%s has toolchain go%s, and others have go%s", file, found[1], want)
		}
	}
	if !strings.Contains(read(t, "../../Dockerfile"), "\nFROM golang:"+want+" AS build\n") {
		t.Errorf("the Dockerfile does not build with golang:%s", want)
	}
	if !strings.Contains(read(t, "../../.github/workflows/ci.yml"), "go-version-file: go.mod") {
		t.Error("hosted CI does not take its Go from go.mod")
	}
}

// An action is fetched by its commit, because a tag can be moved. It gets no token that it could keep, and no more rights than
// it needs.
func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	workflow := read(t, "../../.github/workflows/ci.yml")
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	uses := regexp.MustCompile(`(?m)- uses: (.*)\n(.*)`).FindAllStringSubmatch(workflow, -1)
	if len(uses) == 0 {
		t.Fatal("found no action")
	}
	for _, use := range uses {
		if !pinned.MatchString(use[1]) {
			t.Errorf("%s is not pinned: name its commit, and its version in a comment", use[1])
		}
		if strings.HasPrefix(use[1], "actions/checkout@") && !strings.Contains(use[2], "persist-credentials: false") {
			t.Errorf("a checkout keeps its token: %s", use[2])
		}
	}
	if !strings.Contains(workflow, "\npermissions: {}") {
		t.Error("the jobs have rights that they do not name")
	}
	for _, job := range regexp.MustCompile(`(?m)^    permissions: (.*)$`).FindAllStringSubmatch(workflow, -1) {
		if job[1] != "{contents: read}" {
			t.Errorf("a job has the rights %s", job[1])
		}
	}
}

// A package runs no script when it is installed.
func TestPackagesRunNoScripts(t *testing.T) {
	t.Parallel()
	for _, file := range filesNamed(t, "package.json") {
		settings, err := os.ReadFile(filepath.Join(filepath.Dir(file), ".npmrc"))
		if err != nil || !strings.Contains(string(settings), "\nignore-scripts=true\n") {
			t.Errorf("%s has no .npmrc with ignore-scripts=true beside it: %v", file, err)
		}
	}
}
