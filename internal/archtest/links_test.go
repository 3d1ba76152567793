package archtest_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is one Markdown file of the project.
type document struct {
	name   string
	whole  string
	text   string   // without the blocks
	spans  []string // what stands between back-quotes in the text
	blocks []block
}

// block is fenced code. A block after the line "<!-- run -->" is executed by TestMarkedCommandsRun.
type block struct {
	language, text string
	run            bool
}

// notDocuments are folders in which Markdown is not the project's own.
var notDocuments = []string{".git", "node_modules", ".tools", "bin", "data", "swagger-ui"}

func documents(t *testing.T, root fs.FS) (found []document) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notDocuments, entry.Name()):
			return fs.SkipDir
		case path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		found = append(found, parse(name, string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var (
	fence = regexp.MustCompile("(?ms)^(?:[ \t]*(<!-- run -->)\n+)?[ \t]*```([a-z]*)\n(.*?)^[ \t]*```$")
	span  = regexp.MustCompile("`([^`\n]+)`")
)

func parse(name, text string) document {
	d := document{name: name, whole: text}
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		d.blocks = append(d.blocks, block{language: m[2], text: m[3], run: m[1] != ""})
	}
	d.text = fence.ReplaceAllString(text, "")
	for _, m := range span.FindAllStringSubmatch(d.text, -1) {
		d.spans = append(d.spans, m[1])
	}
	return d
}

var link = regexp.MustCompile(`\]\(([^()\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	all := documents(t, root)
	for _, d := range all {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			if fault := d.faultOfLink(root, all, m[1]); fault != "" {
				t.Errorf("%s: the link to %s leads nowhere: %s", d.name, m[1], fault)
			}
		}
	}
}

func (d document) faultOfLink(root fs.FS, all []document, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	file, anchor, _ := strings.Cut(target, "#")
	at := d.name
	if file != "" {
		at = path.Join(path.Dir(d.name), file)
	}
	if _, err := fs.Stat(root, at); err != nil {
		return "there is no " + at
	}
	if anchor == "" {
		return ""
	}
	for _, other := range all {
		if other.name == at && slices.Contains(other.anchors(), anchor) {
			return ""
		}
	}
	return "there is no heading #" + anchor + " in " + at
}

var (
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N}\p{M} _-]`)
)

// anchors are the names that GitHub gives to headings.
func (d document) anchors() (names []string) {
	for _, m := range heading.FindAllStringSubmatch(d.text, -1) {
		names = append(names, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

// A newcomer copies commands from the documents. So every make target that they name must exist.
func TestDocumentsNameTargetsThatExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9 -]*):`).FindAllStringSubmatch(string(makefile), -1) {
		for name := range strings.FieldsSeq(m[1]) {
			targets[name] = true
		}
	}
	named := 0
	for _, d := range documents(t, os.DirFS("../..")) {
		for _, target := range d.targets() {
			named++
			if !targets[target] {
				t.Errorf("%s: there is no target for `make %s`", d.name, target)
			}
		}
	}
	if named < 40 {
		t.Errorf("the documents name %d targets: the pattern no longer finds them", named)
	}
}

var target = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// targets returns the targets of all calls of make in code. Options, variables and comments end a call.
func (d document) targets() (names []string) {
	code := slices.Clone(d.spans)
	for _, b := range d.blocks {
		if b.language == "sh" {
			code = append(code, strings.Split(b.text, "\n")...)
		}
	}
	for _, line := range code {
		words := strings.Fields(line)
		for i, word := range words {
			if word != "make" || i > 0 && !slices.Contains([]string{"&&", "--"}, words[i-1]) {
				continue
			}
			for _, name := range words[i+1:] {
				if !target.MatchString(name) {
					break
				}
				names = append(names, name)
			}
		}
	}
	return names
}

// notPaths are texts in back-quotes that look like a path of this repository but are not.
var notPaths = map[string]string{
	"contracts/pacts/CONSUMER-PROVIDER.json": "the pattern of the files' names",
	"contracts/pacts/NAME-PROVIDER.json":     "the pattern of the files' names",
	"bin/screenshots":                        "made by make test-browser",
}

func TestDocumentsNamePathsThatExist(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	var top []string
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != ".git" {
			top = append(top, e.Name())
		}
	}
	checked, used := 0, map[string]bool{}
	for _, d := range documents(t, root) {
		for _, text := range d.spans {
			if notPaths[text] != "" {
				used[text] = true
				continue
			}
			if !looksLikePath(text, top) {
				continue
			}
			checked++
			for _, name := range alternatives(strings.TrimSuffix(strings.TrimPrefix(text, "./"), "/")) {
				if !exists(root, path.Dir(d.name), name) {
					t.Errorf("%s: there is no `%s` (if it is not a path, add it to notPaths)", d.name, name)
				}
			}
		}
	}
	if checked < 80 {
		t.Errorf("checked %d paths: the pattern no longer finds them", checked)
	}
	for text := range notPaths {
		if !used[text] && text != "bin/screenshots" {
			t.Errorf("no document names %s any more: remove it from notPaths", text)
		}
	}
}

var fileName = regexp.MustCompile(`^[a-z0-9_.-]+\.(go|md|sql|yaml|yml|conf|patch)$`)

func looksLikePath(text string, top []string) bool {
	first, rest, below := strings.Cut(strings.TrimPrefix(text, "./"), "/")
	switch {
	case strings.ContainsAny(text, " <>()\"'=$:") || strings.Contains(text, "..."):
		return false
	case below:
		return slices.Contains(top, first) || first == "…" && strings.HasPrefix(rest, "internal/")
	}
	return fileName.MatchString(text)
}

var braces = regexp.MustCompile(`^(.*?)\{([^{}]*)\}(.*)$`)

// alternatives expands "a/{b,c}" as a shell does.
func alternatives(name string) (names []string) {
	m := braces.FindStringSubmatch(name)
	if m == nil {
		return []string{name}
	}
	for part := range strings.SplitSeq(m[2], ",") {
		names = append(names, alternatives(m[1]+part+m[3])...)
	}
	return names
}

// exists looks from the root, from the document's folder, and in every service. A name alone may be anywhere.
func exists(root fs.FS, folder, name string) bool {
	name = strings.TrimPrefix(name, "…/")
	places := []string{name, path.Join(folder, name), "services/*/" + name}
	if !strings.Contains(name, "/") {
		for depth := 1; depth <= 6; depth++ {
			places = append(places, strings.Repeat("*/", depth)+name)
		}
	}
	return slices.ContainsFunc(places, func(pattern string) bool {
		found, err := fs.Glob(root, pattern)
		return err == nil && len(found) > 0
	})
}

func TestDocumentsAreRead(t *testing.T) {
	t.Parallel()
	d := parse("docs/problems.md", "# One `Thing`, & more\n[x](design.md#gone) `make test pact ARGS=x` `a/b`\n<!-- run -->\n```sh\nmake lint # make not\n"+
		"go run x -- make bench && make fuzz\n```\n```go\nmake nothing\n```\n")
	if got := strings.Join(d.targets(), " "); got != "test pact lint bench fuzz" {
		t.Errorf("targets %s", got)
	}
	if got := d.anchors(); !slices.Equal(got, []string{"one-thing--more"}) {
		t.Errorf("anchors %q", got)
	}
	if len(d.blocks) != 2 || !d.blocks[0].run || d.blocks[1].run || d.blocks[0].language != "sh" {
		t.Errorf("blocks %+v", d.blocks)
	}
	root := os.DirFS("../..")
	all := []document{d, {name: "docs/design.md", text: "## Schedules\n"}}
	for target, want := range map[string]string{
		"design.md#schedules": "", "design.md": "", "https://example.org/x#y": "", "#one-thing--more": "",
		"design.md#gone": "no heading", "gone.md": "there is no docs/gone.md", "../internal": "",
	} {
		if got := d.faultOfLink(root, all, target); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	top := []string{"internal", "docs"}
	for text, want := range map[string]bool{
		"internal/x": true, "docs/": true, "relay.go": true, "…/internal/{a,b}": true, "./internal/x": true,
		"internal/x Y": false, "/api/v1": false, "application/json": false, "relay": false, "./...": false, "go test ./x": false,
	} {
		if got := looksLikePath(text, top); got != want {
			t.Errorf("%s looks like a path: %t, want %t", text, got, want)
		}
	}
	if got := strings.Join(alternatives("a/{b,c}/{d,e}"), " "); got != "a/b/d a/b/e a/c/d a/c/e" {
		t.Error(got)
	}
}
