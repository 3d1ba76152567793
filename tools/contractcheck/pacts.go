package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// pactDir is the folder of the contracts, which have the consumers' expectations.
const pactDir = "contracts/pacts"

// use has everything that one interaction of a contract relies on.
type use struct {
	consumer, provider, description string

	topic, event string // for an event: its topic and its CloudEvents type

	method, path string // for a request
	status       int
	headers      map[string]bool // of the answer, in lower case
	fields       map[string]bool // of the answer, for example name, or of the converted event, for example payload/data/name
}

type uses []use

// where returns the uses for which keep returns true.
func (u uses) where(keep func(use) bool) uses {
	return slices.DeleteFunc(slices.Clone(u), func(one use) bool { return !keep(one) })
}

func (u uses) of(provider string) uses {
	return u.where(func(one use) bool { return one.provider == provider })
}

// calls reports whether the use is a call of the operation.
func (u use) calls(method, template string) bool {
	want, have := strings.Split(template, "/"), strings.Split(strings.TrimSuffix(u.path, "/"), "/")
	if u.method != method || len(want) != len(have) {
		return false
	}
	for i, segment := range want {
		if segment != have[i] && !strings.HasPrefix(segment, "{") {
			return false
		}
	}
	return true
}

// contract has the parts of a Pact file that are compared.
type contract struct {
	Consumer     participant       `json:"consumer"`
	Provider     participant       `json:"provider"`
	Interactions []json.RawMessage `json:"interactions"`
}

type participant struct {
	Name string `json:"name"`
}

type interaction struct {
	Description string `json:"description"`
	Metadata    struct {
		Topic string `json:"topic"`
	} `json:"metadata"`
	Contents content `json:"contents"`
	Request  struct {
		Method string `json:"method"`
		Path   string `json:"path"`
	} `json:"request"`
	Response struct {
		Status  int            `json:"status"`
		Headers map[string]any `json:"headers"`
		Body    content        `json:"body"`
	} `json:"response"`
}

type content struct {
	Content any `json:"content"`
}

// allUses returns the uses in both states. A consumer that no longer uses something may still run in its old version.
func allUses(states ...files) (uses, error) {
	var all uses
	for _, state := range states {
		for _, path := range slices.Sorted(maps.Keys(state)) {
			if !strings.HasPrefix(path, pactDir+"/") {
				continue
			}
			found, err := usesIn(state[path])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func usesIn(file []byte) (uses, error) {
	var c contract
	if err := strictjson.Unmarshal(file, &c); err != nil {
		return nil, err
	}
	var found uses
	for _, raw := range c.Interactions {
		var i interaction
		if err := strictjson.Unmarshal(raw, &i); err != nil {
			return nil, err
		}
		u := use{
			consumer: c.Consumer.Name, provider: c.Provider.Name, description: i.Description, topic: i.Metadata.Topic,
			method: i.Request.Method, path: i.Request.Path, status: i.Response.Status,
			headers: map[string]bool{}, fields: map[string]bool{},
		}
		if event, ok := i.Contents.Content.(map[string]any); ok {
			u.event, _ = event["type"].(string)
			u.fields[wrappedHeaders+"/content-type"] = true
			addFields(u.fields, wrapped, event)
		}
		for name := range i.Response.Headers {
			u.headers[strings.ToLower(name)] = true
		}
		addFields(u.fields, "", i.Response.Body.Content)
		found = append(found, u)
	}
	return found, nil
}

// addFields adds only the innermost fields. A used object does not mean that all of its members are used.
func addFields(fields map[string]bool, at string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			addFields(fields, strings.TrimPrefix(at+"/"+name, "/"), member)
		}
	case []any:
		for _, item := range v {
			addFields(fields, at, item)
		}
	default:
		fields[at] = true
	}
}

// grown is a contract that expects more than before, or something else.
type grown struct {
	name, provider string
	interactions   []string // the descriptions of what is new or different
}

func grownContracts(before, after files) (all []grown, err error) {
	for _, path := range slices.Sorted(maps.Keys(after)) {
		if !strings.HasPrefix(path, pactDir+"/") {
			continue
		}
		old, _, err := interactions(before[path])
		if err != nil {
			return nil, fmt.Errorf("%s, before: %w", path, err)
		}
		now, c, err := interactions(after[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		g := grown{name: strings.TrimSuffix(strings.TrimPrefix(path, pactDir+"/"), ".json"), provider: c.Provider.Name}
		for _, description := range slices.Sorted(maps.Keys(now)) {
			if !reflect.DeepEqual(now[description], old[description]) {
				g.interactions = append(g.interactions, description)
			}
		}
		if len(g.interactions) > 0 {
			all = append(all, g)
		}
	}
	return all, nil
}

// interactions returns the interactions of a contract by their descriptions. A missing contract has none.
func interactions(file []byte) (all map[string]any, c contract, err error) {
	all = map[string]any{}
	if file == nil {
		return all, c, nil
	}
	if err := strictjson.Unmarshal(file, &c); err != nil {
		return nil, c, err
	}
	for _, raw := range c.Interactions {
		var i interaction
		var whole any
		if err := strictjson.Unmarshal(raw, &i); err != nil {
			return nil, c, err
		}
		if err := strictjson.Unmarshal(raw, &whole); err != nil {
			return nil, c, err
		}
		all[i.Description] = whole
	}
	return all, c, nil
}
