package docpages

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// expectation is a message that a consumer relies on, with the description that the consumer gave it.
type expectation struct {
	Consumer    string
	Description string
	States      []string // the states that the provider must be in
	Type        string   // CloudEvents type
	Uses        []string // paths of the members that the consumer reads, in the form of field.Path
}

// pact has the parts of a pact file (specification 4) that the page shows.
type pact struct {
	Consumer     participant `json:"consumer"`
	Provider     participant `json:"provider"`
	Interactions []struct {
		Type           string        `json:"type"`
		Description    string        `json:"description"`
		ProviderStates []participant `json:"providerStates"`
		Contents       struct {
			Content json.RawMessage `json:"content"`
			Encoded any             `json:"encoded"`
		} `json:"contents"`
	} `json:"interactions"`
}

// participant is a consumer or a provider. A state looks the same.
type participant struct {
	Name string `json:"name"`
}

// expectations returns the expectations of a service's messages in all pact files, by consumer.
func expectations(pacts fs.FS, provider string) (list []expectation, err error) {
	if pacts == nil {
		return nil, nil
	}
	err = fs.WalkDir(pacts, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".json" {
			return err
		}
		text, err := fs.ReadFile(pacts, name)
		if err != nil {
			return err
		}
		found, err := inPact(text, provider)
		if err != nil {
			return fmt.Errorf("the pact file %s: %w", name, err)
		}
		list = append(list, found...)
		return nil
	})
	slices.SortStableFunc(list, func(a, b expectation) int { return cmp.Compare(a.Consumer, b.Consumer) })
	return list, err
}

func inPact(text []byte, provider string) (list []expectation, err error) {
	var p pact
	if err := strictjson.Unmarshal(text, &p); err != nil {
		return nil, err
	}
	if p.Provider.Name != provider {
		return nil, nil
	}
	for _, interaction := range p.Interactions {
		if interaction.Type != "Asynchronous/Messages" {
			continue
		}
		e := expectation{Consumer: p.Consumer.Name, Description: interaction.Description}
		for _, state := range interaction.ProviderStates {
			e.States = append(e.States, state.Name)
		}
		message, err := contents(interaction.Contents.Content, interaction.Contents.Encoded)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Description, err)
		}
		e.Type, _ = message["type"].(string)
		e.Uses = paths("", message)
		list = append(list, e)
	}
	return list, nil
}

// contents reads a message. It is plain JSON, or a text that contains JSON and may be in base64.
func contents(content json.RawMessage, encoded any) (value map[string]any, err error) {
	var text string
	if strictjson.Unmarshal(content, &text) == nil {
		content = json.RawMessage(text)
		if encoded == "base64" {
			if content, err = base64.StdEncoding.DecodeString(text); err != nil {
				return nil, err
			}
		}
	}
	err = strictjson.Unmarshal(content, &value)
	return value, err
}

// paths returns the sorted paths of an object's innermost members.
func paths(parent string, object map[string]any) (list []string) {
	for name, value := range object {
		at := parent + name
		for items, ok := value.([]any); ok && len(items) > 0; items, ok = value.([]any) {
			at, value = at+"[]", items[0]
		}
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 {
			list = append(list, paths(at+".", inner)...)
		} else {
			list = append(list, at)
		}
	}
	slices.Sort(list)
	return list
}
