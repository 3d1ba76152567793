package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayDecode are the files and folders that may use the decoders of encoding/json, with the reason. Everything else uses
// internal/strictjson, because encoding/json ignores the case of names: "Discontinued" would set "discontinued".
var mayDecode = map[string]string{
	"internal/strictjson":                        "it makes encoding/json exact",
	"internal/bulkimport/json.go":                "it only finds where a record ends; strictjson reads the record",
	"internal/httpserver/cursor.go":              "it looks at the texts of a value that strictjson has accepted",
	"internal/oas/request.go":                    "it reads checked JSON into maps, and keeps the form of numbers",
	"internal/testkit/pact/pactfile/pactfile.go": "it reads a file into maps, and keeps the form of numbers",
	"internal/testkit/cmd/pact/gotest.go":        "it only finds where a value of a stream ends; strictjson reads the value",
	"deploy/standins/docker.go":                  "it reads into a map, whose names are exact",
	"api/client/go":                              "clients are published without internal/, and read the answers of a service that they trust",
}

// decoders are the functions of encoding/json that decode.
var decoders = []string{"Unmarshal", "NewDecoder"}

func TestJSONIsDecodedExactly(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notSources, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		line, err := decodes(name, source)
		if err != nil || line == 0 {
			return err
		}
		for place := name; ; place = path.Dir(place) {
			if mayDecode[place] != "" {
				used[place] = true
				return nil
			}
			if place == "." {
				t.Errorf("%s:%d decodes with encoding/json, which ignores the case of names: use internal/strictjson", name, line)
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for place := range mayDecode {
		if !used[place] {
			t.Errorf("%s does not decode with encoding/json any more: remove it from mayDecode", place)
		}
	}
}

func TestJSONDecodersAreFound(t *testing.T) {
	t.Parallel()
	for source, line := range map[string]int{
		"package x\nimport \"encoding/json\"\nvar _ = json.Unmarshal":               3,
		"package x\nimport j \"encoding/json\"\nvar _ = j.NewDecoder(nil)":          3,
		"package x\nimport . \"encoding/json\"":                                     2,
		"package x\nimport \"encoding/json/v2\"\nvar _ = json.Unmarshal":            2,
		"package x\nimport \"encoding/json\"\nvar _, _ = json.Marshal(1)":           0,
		"package x\nimport json \"a/strictjson\"\nvar _ = json.Unmarshal(nil, nil)": 0,
	} {
		if got, err := decodes("x.go", []byte(source)); err != nil || got != line {
			t.Errorf("line %d, %v; want %d for\n%s", got, err, line, source)
		}
	}
}

// decodes returns the first line that uses a decoder of encoding/json, or 0.
func decodes(name string, source []byte) (line int, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return 0, err
	}
	local := ""
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		switch {
		case imported == "encoding/json" && spec.Name == nil:
			local = "json"
		case imported == "encoding/json" && spec.Name.Name != ".":
			local = spec.Name.Name
		case imported == "encoding/json" || strings.HasPrefix(imported, "encoding/json/"):
			return files.Position(spec.Pos()).Line, nil
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && line == 0 && slices.Contains(decoders, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				line = files.Position(s.Pos()).Line
			}
		}
		return true
	})
	return line, nil
}
