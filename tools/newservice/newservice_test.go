package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repository has the files that newservice reads, and nothing else. They are the real ones, and have every service that has
// been added. So the tests add services that nobody needs.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := []string{"go.mod", "asyncapi/*.yaml", "contracts/pacts/*.json", "deploy/gateway/*_test.go", "internal/config/*.go"}
	for _, in := range insertions {
		files = append(files, in.file)
	}
	for _, pattern := range files {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			put(t, root, strings.TrimPrefix(filepath.ToSlash(file), "../../"), text)
		}
	}
	put(t, root, "cmd/demo/main.go", nil)
	put(t, root, "services/catalog/catalog.go", nil)
	return root
}

func put(t *testing.T, root, file string, text []byte) {
	t.Helper()
	path := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func scaffold(ctx context.Context, root string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(ctx, append([]string{"-root", root}, args...), &out, io.Discard)
	return out.String(), err
}

// TestEveryPlaceHasTheService: each file is written, no placeholder is left, and another service finds the anchors again.
func TestEveryPlaceHasTheService(t *testing.T) {
	t.Parallel()
	root := repository(t)
	port, err := nextPort(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][2]string{{"specimens", "specimen"}, {"reimbursements", "reimbursementrequest"}, {"beekeeping", "hive"}} {
		service, model := names[0], names[1]
		out, err := scaffold(t.Context(), root, "-force", "-model", model, service)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			verb, file, _ := strings.Cut(strings.TrimSpace(line), " ")
			if verb != "wrote" && verb != "changed" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, strings.TrimSpace(file)))
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"<%", "%>", "<no value>"} {
				if strings.Contains(string(text), left) {
					t.Errorf("%s has %q", file, left)
				}
			}
			if verb == "changed" && !strings.Contains(string(text), service) && !strings.Contains(string(text), model+"-exists") {
				t.Errorf("%s does not name %s or its problem", file, service)
			}
		}
	}
	routes, err := os.ReadFile(filepath.Join(root, "deploy/gateway/snippets/routes.conf"))
	if err != nil || !strings.Contains(string(routes), "\n    ~^/specimens(/|$)       specimens;\n") {
		t.Errorf("the route table is %s, %v", routes, err)
	}
	env, err := os.ReadFile(filepath.Join(root, "deploy/gateway/gateway.env"))
	if err != nil || !strings.Contains(string(env), fmt.Sprintf("GATEWAY_SPECIMENS=specimens:%d\n", port)) ||
		!strings.Contains(string(env), fmt.Sprintf("GATEWAY_BEEKEEPING=beekeeping:%d\n", port+2)) {
		t.Errorf("the gateway's settings are %s, %v", env, err)
	}
}

// TestNamesAreRefused: the message says what is wrong, and nothing is written.
func TestNamesAreRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	put(t, root, "asyncapi/crates.yaml", []byte("address: monsplit.crate.v1\n"))
	before := contents(t, root)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"None":              {nil, "want one name, after the flags"},
		"Empty":             {[]string{"-model", "", ""}, "want one name, after the flags"},
		"FlagAfterwards":    {[]string{"specimens", "-force"}, "want one name, after the flags"},
		"UnknownFlag":       {[]string{"-shade", "specimen", "specimens"}, "not defined"},
		"UpperCase":         {[]string{"Specimens"}, `"Specimens" is not a name`},
		"UpperCaseModel":    {[]string{"-model", "Specimen", "specimens"}, `"Specimen" is not a name`},
		"Hyphen":            {[]string{"user-accounts"}, `"user-accounts" is not a name: want 2 to 30 letters from a to z, without capitals and hyphens`},
		"Digit":             {[]string{"specimens2s"}, "is not a name"},
		"Accent":            {[]string{"-model", "commande", "créances"}, "is not a name"},
		"TooLong":           {[]string{"-model", "specimen", strings.Repeat("o", 31)}, "is not a name"},
		"TooShort":          {[]string{"-model", "o", "specimens"}, "is not a name"},
		"Space":             {[]string{"our specimens"}, "is not a name"},
		"Path":              {[]string{"-model", "specimen", "../specimens"}, "is not a name"},
		"NoPlural":          {[]string{"beekeeping"}, `no last "s"`},
		"ModelIsService":    {[]string{"-model", "specimens", "specimens"}, "cannot both be named"},
		"PluralIsModel":     {[]string{"-model", "sheep", "-plural", "sheep", "farms"}, "the model and its plural cannot both be named"},
		"PluralIsNoName":    {[]string{"-model", "specimen", "-plural", "Specimens", "shop"}, "is not a plural"},
		"Keyword":           {[]string{"-model", "range", "specimens"}, `"range" has a meaning in Go`},
		"Predeclared":       {[]string{"-model", "string", "specimens"}, `"string" has a meaning in Go`},
		"GoFolder":          {[]string{"-model", "specimen", "vendor"}, "is one of the folders and packages of Go"},
		"YAML":              {[]string{"-model", "specimen", "off"}, "is one of the values of YAML"},
		"Abbreviation":      {[]string{"-model", "vm", "machines"}, "is one of the abbreviations"},
		"HiddenPath":        {[]string{"-model", "metric", "sensors"}, `"metrics" is one of the endpoints`},
		"Package":           {[]string{"-model", "store", "specimens"}, `"store" means something else in the code`},
		"Method":            {[]string{"-model", "list", "specimens"}, `"list" means something else in the code`},
		"Schema":            {[]string{"-model", "problem", "specimens"}, `"problem" means something else in the code`},
		"BesideTheServices": {[]string{"-model", "specimen", "endpoints"}, `"endpoints" means something else in the code`},
		"Service":           {[]string{"-model", "specimen", "catalog"}, "services/catalog exists already"},
		"Folder":            {[]string{"-model", "specimen", "client"}, "api/client exists already"},
		"Program":           {[]string{"-model", "specimen", "demo"}, "cmd/demo exists already"},
		"Container":         {[]string{"-model", "specimen", "kafka"}, "docker-compose.yml has something of this name"},
		"Anchor":            {[]string{"-model", "specimen", "settings"}, "docker-compose.yml has something of this name"},
		"Stage":             {[]string{"-model", "specimen", "build"}, "has something of this name"},
		"Consumer":          {[]string{"-model", "specimen", "storefront"}, "contracts/pacts/storefront-catalog.json exists already"},
		"Topic":             {[]string{"-model", "crate", "stocks"}, "asyncapi/crates.yaml has the topic monsplit.crate.v1 already"},
		"Problem":           {[]string{"-model", "market", "regions"}, "docs/problems.md has the problem market-exists already"},
		"Route":             {[]string{"-model", "specimen", "admin"}, "routes.conf has a route for /admin already"},
	} {
		if _, err := scaffold(t.Context(), root, append([]string{"-force"}, tt.args...)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if after := contents(t, root); !maps.Equal(before, after) {
		t.Error("a refused name has changed files")
	}
}

// contents returns the content of every file, by its path.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAnotherFolderIsRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for name, folder := range map[string]string{"Below": filepath.Join(root, "services"), "Elsewhere": t.TempDir(), "Missing": filepath.Join(root, "none")} {
		if _, err := scaffold(t.Context(), folder, "specimens"); err == nil || !strings.Contains(err.Error(), "not the root of the repository") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryTemplateIsNew: a file that exists is never overwritten.
func TestEveryTemplateIsNew(t *testing.T) {
	t.Parallel()
	added, err := rendered(names{"service": "specimens", "Service": "Specimens", "SERVICE": "SPECIMENS", "model": "specimen", "Model": "Specimen",
		"models": "specimens", "Models": "Specimens", "port": "8002"})
	if err != nil {
		t.Fatal(err)
	}
	root := repository(t)
	for _, file := range append(added, change{path: "contracts/pacts/specimens-monolith.json"}) {
		put(t, root, file.path, []byte("mine"))
		_, err := scaffold(t.Context(), root, "-force", "specimens")
		mine := filepath.Join(root, file.path)
		text, readErr := os.ReadFile(mine)
		if err == nil || !strings.Contains(err.Error(), "exists already") || readErr != nil || string(text) != "mine" {
			t.Errorf("%s: %v; it has %q, %v", file.path, err, text, readErr)
		}
		for os.Remove(mine) == nil { // also the folders that are empty now
			mine = filepath.Dir(mine)
		}
	}
}

// TestMissingAnchor: the error names the file and the anchor, and nothing is written.
func TestMissingAnchor(t *testing.T) {
	t.Parallel()
	root := repository(t)
	put(t, root, "deploy/gateway/gateway.env", []byte("GATEWAY_MONOLITH=monolith:8000\n"))
	_, err := scaffold(t.Context(), root, "-force", "specimens")
	if err == nil || !strings.Contains(err.Error(), "deploy/gateway/gateway.env: this text occurs 0 times") ||
		!strings.Contains(err.Error(), "GATEWAY_CATALOG=catalog:8001") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "services/specimens")); err == nil {
		t.Error("the service was written")
	}
}

func TestUncommittedChangesAreRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	if out, err := exec.CommandContext(t.Context(), "git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := scaffold(t.Context(), root, "specimens"); err == nil || !strings.Contains(err.Error(), "uncommitted changes") {
		t.Errorf("error %v", err)
	}
	if _, err := scaffold(t.Context(), root, "-force", "specimens"); err != nil {
		t.Error(err)
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for singular, want := range map[string]string{"specimen": "specimens", "category": "categories", "day": "days", "box": "boxes", "batch": "batches"} {
		if got := plural(singular); got != want {
			t.Errorf("plural of %s: %s, want %s", singular, got, want)
		}
	}
}

// TestTheDocumentSaysWhatIsWritten compares docs/development.md with the files that are written and changed.
func TestTheDocumentSaysWhatIsWritten(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/development.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := scaffold(t.Context(), repository(t), "-force", "specimens")
	if err != nil {
		t.Fatal(err)
	}
	out = strings.ReplaceAll(out, "specimen", "order") // the document's example
	for _, verb := range []string{"wrote", "changed"} {
		block := regexp.MustCompile("(?s)<!-- new-service: " + verb + " -->\n```text\n(.*?)```").FindSubmatch(document)
		if block == nil {
			t.Fatalf("the document has no list of what newservice %s", verb)
		}
		named := map[string]bool{} // whether newservice has written it, or below it
		for _, path := range regexp.MustCompile(`(?m)^\S+`).FindAllString(string(block[1]), -1) {
			named[path] = false
		}
		for _, file := range regexp.MustCompile(`(?m)^`+verb+` +(\S+)$`).FindAllStringSubmatch(out, -1) {
			found := false
			for path := range named {
				if path == file[1] || strings.HasSuffix(path, "/") && strings.HasPrefix(file[1], path) {
					named[path], found = true, true
				}
			}
			if !found {
				t.Errorf("newservice %s %s, which the document does not name", verb, file[1])
			}
		}
		for path, written := range named {
			if !written {
				t.Errorf("the document names %s, but newservice does not write it", path)
			}
		}
	}
}
