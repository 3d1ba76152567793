package archtest_test

import (
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/serviceframe"
)

// names is one kind of name in the code of documents.
type names struct {
	what  string
	in    func(d document) []string // the names that a document has
	known func(name string) bool    // reports whether the repository has it
	least int                       // a lower bound for the number of names in all documents
}

func kindsOfNames(t *testing.T, root fs.FS) []names {
	t.Helper()
	s := readSources(t, root)
	program := cli.New(cli.App[config.Common]{Name: "SERVICE"})
	return []names{
		{"environment variable", each(`\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b`), s.hasVariable(), 60},
		{"metric", each(`\b(monsplit_\w+)`), s.hasMetric(), 7},
		{"path of a service", each(`^(?:[A-Z]+ )?(/[a-z][^\s…*]*)`, `(?:localhost|127\.0\.0\.1):[0-9]+(/[^\s'"?…]*)`), s.hasPath(t), 30},
		{"identifier", each(`\b([A-Za-z]\w*(?:_|[a-z][A-Z])\w*)\b`), s.hasWord(), 200},
		{"member of a package", each(`\b([a-z]+\.[A-Z]\w*)`), s.hasMember(), 10},
		{"command", func(d document) []string { return d.commands(program) }, func(line string) bool { return hasCommand(program, line) }, 10},
		{"option", each(`^(--[a-z][a-z-]*)`, `ARGS="?(--[a-z][a-z-]*)`), s.hasOption(), 10},
		{"package", packages, hasPackage(root), 8},
	}
}

// code returns what stands between back-quotes, and the lines of shell commands without their comments.
func (d document) code() []string {
	lines := slices.Clone(d.spans)
	for _, b := range d.blocks {
		if b.language == "sh" {
			for line := range strings.Lines(b.text) {
				command, _, _ := strings.Cut(line, " # ")
				lines = append(lines, strings.TrimSpace(command))
			}
		}
	}
	return lines
}

// each returns what the first groups of patterns find in a document's code.
func each(patterns ...string) func(document) []string {
	expressions := make([]*regexp.Regexp, len(patterns))
	for i, pattern := range patterns {
		expressions[i] = regexp.MustCompile(pattern)
	}
	return func(d document) (found []string) {
		for _, line := range d.code() {
			for _, e := range expressions {
				for _, m := range e.FindAllStringSubmatch(line, -1) {
					found = append(found, m[1])
				}
			}
		}
		return found
	}
}

// hasVariable knows the environment variables that programs, images and tests read.
func (s sources) hasVariable() func(string) bool {
	known := map[string]bool{}
	for files, pattern := range map[string]string{
		`\.go$`: `(?:env:|Getenv\(|LookupEnv\()"([A-Z][A-Z0-9_]+)"`,
		`\.ts$`: `(?:process\.env\.|fromEnvironment\(")([A-Z][A-Z0-9_]+)`,
		`(\.yml|\.sh|\.conf|\.template|Dockerfile)$`: `\$\{([A-Z][A-Z0-9_]+)`,
		`\.env$`: `(?m)^([A-Z][A-Z0-9_]+)=`,
	} {
		maps.Copy(known, s.find(files, pattern))
	}
	return func(name string) bool { return known[name] }
}

// hasMetric knows the names of metrics, also without the namespace. Such a name is a text in the code, or a subsystem and
// a text, as in "outbox" and "shards_held".
func (s sources) hasMetric() func(string) bool {
	texts := s.find(`^(?:internal|services)/.*\.go$`, `"([a-z][a-z0-9_]+)"`)
	return func(name string) bool {
		name = strings.TrimPrefix(name, serviceframe.MetricsNamespace+"_")
		subsystem, rest, _ := strings.Cut(name, "_")
		return texts[name] || texts[subsystem] && texts[rest]
	}
}

// hasPath knows the paths of the OpenAPI documents, and those that code or settings name. The endpoints that every service
// has are also below the name of a service.
func (s sources) hasPath(t *testing.T) func(string) bool {
	t.Helper()
	var documented []*regexp.Regexp
	var services []string
	for name, text := range s {
		if isDocument, _ := path.Match("api/*/openapi.yaml", name); !isDocument {
			continue
		}
		doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, "/"+path.Base(path.Dir(name)))
		for _, at := range doc.Paths.InMatchingOrder() {
			pattern := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(at), `[^/]+`)
			documented = append(documented, regexp.MustCompile("^"+pattern+"$"))
		}
	}
	return func(at string) bool {
		at = strings.TrimSuffix(at, "/")
		if slices.ContainsFunc(documented, func(p *regexp.Regexp) bool { return p.MatchString(at) }) {
			return true
		}
		for _, service := range services {
			at = strings.TrimPrefix(at, service)
		}
		return at == "" || s.contains(at)
	}
}

// notWords are names in code that belong to other programs.
var notWords = map[string]string{
	"pg_stat_statements": "PostgreSQL", "pg_dump": "PostgreSQL",
	"set_real_ip_from": "nginx", "real_ip_header": "nginx",
	"ServeMux": "Go",
}

// hasWord knows the words in sources and in the names of files.
func (s sources) hasWord() func(string) bool {
	words, metric := map[string]bool{}, s.hasMetric()
	for name, text := range s {
		file, _, _ := strings.Cut(path.Base(name), ".")
		words[file] = true
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			words[word] = true
		}
	}
	return func(name string) bool { return words[name] || notWords[name] != "" || metric(name) }
}

// hasMember knows what the packages of this repository export. A name of any other package is not wrong.
func (s sources) hasMember() func(string) bool {
	exported := map[string]map[string]bool{}
	for name := range s {
		if of := path.Base(path.Dir(name)); path.Ext(name) == ".go" && exported[of] == nil {
			exported[of] = s.find(`(^|/)`+of+`/[^/]+\.go$`, `(?m)^(?:(?:func|type|var|const) (?:\([^)]*\) )?|\t)([A-Z]\w*)`)
		}
	}
	return func(name string) bool {
		of, member, _ := strings.Cut(name, ".")
		return exported[of] == nil || exported[of][member]
	}
}

// called is a call of a service's program.
var called = regexp.MustCompile(`(?:bin/|^|[ /])(?:monolith|catalog|SERVICE) ([^&|;]+)`)

// commands returns the arguments of the services' command line in a document's code. A command that has parts, or that has
// options, may also stand there without its program.
func (d document) commands(program *cobra.Command) (found []string) {
	for _, line := range d.code() {
		first, rest, _ := strings.Cut(line, " ")
		alone, _, err := program.Find([]string{first})
		switch m := called.FindStringSubmatch(line); {
		case strings.Contains(line, "curl "): // its addresses may end with the name of a service
		case err == nil && alone != program && (alone.HasSubCommands() || strings.HasPrefix(rest, "--")):
			found = append(found, line)
		case m != nil && !strings.HasPrefix(line, "docker"):
			found = append(found, m[1])
		case m != nil:
			if _, args, isProgram := strings.Cut(line, " /"); isProgram {
				_, args, _ = strings.Cut(args, " ")
				found = append(found, args)
			}
		}
	}
	return found
}

func hasCommand(program *cobra.Command, line string) bool {
	cmd, args, err := program.Find(strings.Fields(line))
	if err != nil || len(args) > 0 && cmd.HasSubCommands() {
		return false
	}
	return !slices.ContainsFunc(args, func(arg string) bool {
		name, isOption := strings.CutPrefix(arg, "--")
		return isOption && name != "help" && cmd.Flags().Lookup(name) == nil
	})
}

// hasOption knows the options of all programs.
func (s sources) hasOption() func(string) bool {
	known := s.find(`\.(?:go|ts)$`, `"-{0,2}([a-z][a-z-]*)"`)
	return func(name string) bool { return known[strings.TrimPrefix(name, "--")] }
}

// packages returns the folders that a document gives to the go command.
func packages(d document) (found []string) {
	for _, line := range d.code() {
		if goCommand.MatchString(line) {
			found = append(found, folder.FindAllString(line, -1)...)
		}
	}
	return found
}

var (
	goCommand = regexp.MustCompile(`\bgo (?:run|test|vet|build) `)
	folder    = regexp.MustCompile(`\./[\w./-]+`)
)

// hasPackage knows the folders of the repository, and those of the service that docs/development.md adds.
func hasPackage(root fs.FS) func(string) bool {
	return func(name string) bool {
		folder := path.Clean(strings.TrimSuffix(name, "..."))
		_, err := fs.Stat(root, folder)
		return err == nil || folder == "services/orders"
	}
}
