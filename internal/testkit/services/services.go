// Package services lists the services of this repository, for tests that must cover all of them. A folder in services/ is a
// service. A test with a list of its own would silently leave out a new service.
package services

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Names returns the names of all services, sorted.
func Names(t testing.TB) []string {
	t.Helper()
	names, err := List()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// List is like Names, for a TestMain.
func List() ([]string, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(root, "services"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) < 2 {
		return nil, fmt.Errorf("found the services %q, want at least 2", names)
	}
	return names, nil
}

// OpenAPI returns the OpenAPI document of each service, by the service's name.
func OpenAPI(t testing.TB) map[string][]byte {
	t.Helper()
	return documents(t, func(service string) string { return "api/" + service + "/openapi.yaml" })
}

// AsyncAPI returns the AsyncAPI document of each service, by the service's name.
func AsyncAPI(t testing.TB) map[string][]byte {
	t.Helper()
	return documents(t, func(service string) string { return "asyncapi/" + service + ".yaml" })
}

func documents(t testing.TB, path func(service string) string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, service := range Names(t) {
		text, err := os.ReadFile(Path(t, path(service)))
		if err != nil {
			t.Fatal(err)
		}
		all[service] = text
	}
	return all
}

// Path returns the absolute path of a file or folder that is named from the root of the repository.
func Path(t testing.TB, name string) string {
	t.Helper()
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

func findRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil && !isRoot(dir); dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			err = errors.New("the test does not run in the repository")
		}
	}
	return dir, err
}

// isRoot reports whether the folder is the root of the repository. Other modules are in folders below it.
func isRoot(dir string) bool {
	for _, name := range []string{"go.mod", "services"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
