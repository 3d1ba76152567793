package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// templates has a file for each file of a service. SERVICE and MODEL in a path stand for the names.
//
//go:embed templates
var templates embed.FS

// change is one file to write.
type change struct {
	what, path string
	content    []byte
}

func (c change) write(root string) error {
	path := filepath.Join(root, c.path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// The mode of a file that exists stays the same.
	return os.WriteFile(path, c.content, 0o644)
}

// plan computes every change before anything is written, so that an error leaves the repository as it was.
func plan(root string, n names) ([]change, error) {
	if err := n.free(root); err != nil {
		return nil, err
	}
	added, err := rendered(n)
	if err != nil {
		return nil, err
	}
	contract, err := copiedContract(root, n)
	if err != nil {
		return nil, err
	}
	added = append(added, contract)
	for _, c := range added {
		if _, err := os.Lstat(filepath.Join(root, c.path)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s exists already", c.path)
		}
	}
	edited, err := edit(root, n)
	return append(added, edited...), err
}

// rendered returns the files of the templates.
func rendered(n names) (changes []change, err error) {
	err = fs.WalkDir(templates, "templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := templates.ReadFile(path)
		if err != nil {
			return err
		}
		target := strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".tmpl")
		target = strings.NewReplacer("SERVICE", n["service"], "MODEL", n["model"]).Replace(target)
		content, err := n.render(path, string(text))
		if err != nil {
			return err
		}
		if filepath.Ext(target) == ".go" { // sorts imports and aligns columns, which depend on the names
			if content, err = format.Source(content); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		changes = append(changes, change{"wrote  ", target, content})
		return nil
	})
	return changes, err
}

// copiedContract returns the contract of the new consumer. It reads the events of products in the same way as the catalog,
// so it has the same interactions about them. `make pact` compares it with what the new consumer's test expects.
func copiedContract(root string, n names) (change, error) {
	const folder = "contracts/pacts/"
	text, err := os.ReadFile(filepath.Join(root, folder+"catalog-monolith.json"))
	if err != nil {
		return change{}, err
	}
	var contract struct { // the members of a pact, in the order of their names
		Consumer     map[string]string `json:"consumer"`
		Interactions []json.RawMessage `json:"interactions"`
		Metadata     json.RawMessage   `json:"metadata"`
		Provider     json.RawMessage   `json:"provider"`
	}
	if err := strictjson.Unmarshal(text, &contract); err != nil {
		return change{}, err
	}
	contract.Consumer["name"] = n["service"]
	contract.Interactions = slices.DeleteFunc(contract.Interactions, func(interaction json.RawMessage) bool {
		var about struct {
			Metadata struct {
				Topic string `json:"topic"`
			} `json:"metadata"`
		}
		return strictjson.Unmarshal(interaction, &about) != nil || about.Metadata.Topic != "monsplit.product.v1"
	})
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(contract)
	return change{"wrote  ", folder + n["service"] + "-monolith.json", out.Bytes()}, err
}

func (n names) render(name, text string) ([]byte, error) {
	parsed, err := template.New(name).Delims("<%", "%>").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, n); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// edit inserts the service into the shared lists.
func edit(root string, n names) ([]change, error) {
	files := map[string]*change{}
	var order []string
	for _, in := range insertions {
		c := files[in.file]
		if c == nil {
			content, err := os.ReadFile(filepath.Join(root, in.file))
			if err != nil {
				return nil, err
			}
			c = &change{"changed", in.file, content}
			files[in.file] = c
			order = append(order, in.file)
		}
		text, err := n.render(in.file, in.text)
		if err != nil {
			return nil, err
		}
		if err := in.into(c, string(text)); err != nil {
			return nil, err
		}
	}
	var changes []change
	for _, file := range order {
		c := files[file]
		if filepath.Ext(file) == ".go" {
			formatted, err := format.Source(c.content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			c.content = formatted
		}
		changes = append(changes, *c)
	}
	return changes, nil
}
