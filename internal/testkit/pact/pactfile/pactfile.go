// Package pactfile reads and writes the files of contracts, and detects stale ones. It writes them so that a diff shows
// changed expectations and nothing else. It needs no native library.
package pactfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// File is one contract: what a consumer expects of a provider.
type File struct {
	Consumer, Provider string
	Interactions       []Interaction // by name

	tree map[string]any
}

// Interaction is one expectation.
type Interaction struct {
	Description string
	Message     bool              // whether it is about an event, not about a request
	States      []string          // the states that the provider must be in first
	Metadata    map[string]string // of a message; it is compared exactly
	tree        any
}

// Name returns the description as the name of a test, without characters that "go test" would rewrite. It is unique in a
// file.
func (i Interaction) Name() string {
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(i.Description), "-"), "-")
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// Name returns the name of the contract, and of its file.
func (f *File) Name() string { return f.Consumer + "-" + f.Provider }

// Read reads a contract and puts it into its canonical form.
func Read(path string) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// ReadAll reads the contracts in dir, by name. It is an error if there are none, because every check of them would pass.
func ReadAll(dir string) ([]*File, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no contracts in %s", dir)
	}
	files := make([]*File, len(paths))
	for i, path := range paths {
		if files[i], err = Read(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func parse(text []byte) (*File, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // an example of 1.0 stays one
	f := &File{}
	if err := decoder.Decode(&f.tree); err != nil {
		return nil, err
	}
	type named struct {
		Name string `json:"name"`
	}
	var known struct {
		Consumer     named `json:"consumer"`
		Provider     named `json:"provider"`
		Interactions []struct {
			Description    string         `json:"description"`
			Type           string         `json:"type"`
			ProviderStates []named        `json:"providerStates"`
			Metadata       map[string]any `json:"metadata"`
		} `json:"interactions"`
	}
	if err := strictjson.Unmarshal(text, &known); err != nil {
		return nil, err
	}
	trees, _ := f.tree["interactions"].([]any)
	if len(trees) == 0 {
		return nil, fmt.Errorf("it has no interactions")
	}
	f.Consumer, f.Provider = known.Consumer.Name, known.Provider.Name
	for n, k := range known.Interactions {
		i := Interaction{Description: k.Description, Message: k.Type == "Asynchronous/Messages", tree: trees[n]}
		for _, s := range k.ProviderStates {
			i.States = append(i.States, s.Name)
		}
		if i.Message {
			i.Metadata = map[string]string{}
			for name, value := range k.Metadata {
				i.Metadata[name] = fmt.Sprint(value)
			}
		}
		f.Interactions = append(f.Interactions, i)
	}
	return f, f.canonicalize()
}

// canonicalize removes the names and versions of the tools that wrote the file, and sorts the interactions by name. The
// native library writes an expectation of two parts of a test twice. Only one is kept.
func (f *File) canonicalize() error {
	metadata, _ := f.tree["metadata"].(map[string]any)
	f.tree["metadata"] = map[string]any{"pactSpecification": metadata["pactSpecification"]}
	slices.SortFunc(f.Interactions, func(a, b Interaction) int { return strings.Compare(a.Name(), b.Name()) })
	f.Interactions = slices.CompactFunc(f.Interactions, func(a, b Interaction) bool { return reflect.DeepEqual(a.tree, b.tree) })
	trees := make([]any, len(f.Interactions))
	for n, i := range f.Interactions {
		if n > 0 && f.Interactions[n-1].Name() == i.Name() {
			return fmt.Errorf("two interactions are named %q", i.Name())
		}
		trees[n] = i.tree
	}
	f.tree["interactions"] = trees
	return nil
}

// Only returns the contract with only this interaction.
func (f *File) Only(i Interaction) *File {
	tree := map[string]any{}
	for k, v := range f.tree {
		tree[k] = v
	}
	tree["interactions"] = []any{i.tree}
	return &File{Consumer: f.Consumer, Provider: f.Provider, Interactions: []Interaction{i}, tree: tree}
}

// Text returns the contract in its canonical form.
func (f *File) Text() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(f.tree)
	return text.Bytes(), err
}

// Publish writes the contract into dir. With check it writes nothing, and fails if the one in dir differs.
func (f *File) Publish(dir string, check bool) error {
	text, err := f.Text()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, f.Name()+".json")
	if !check {
		return os.WriteFile(path, text, 0o644)
	}
	have, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if !bytes.Equal(have, text) {
		return fmt.Errorf("contracts/pacts/%s is stale: the tests of %s now expect something else of %s; run \"make pact-update\", "+
			"look at the difference and commit it", filepath.Base(path), f.Consumer, f.Provider)
	}
	return nil
}
