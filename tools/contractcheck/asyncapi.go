package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/oasdiff/oasdiff/checker"
	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// asyncDocument has the parts of an AsyncAPI 3 document that are compared.
type asyncDocument struct {
	DefaultContentType string `json:"defaultContentType"`
	Channels           map[string]struct {
		Address  string         `json:"address"`
		Messages map[string]ref `json:"messages"`
		Bindings struct {
			Kafka kafkaTopic `json:"kafka"`
		} `json:"bindings"`
	} `json:"channels"`
	Components struct {
		Messages map[string]asyncMessage `json:"messages"`
		Schemas  map[string]any          `json:"schemas"`
	} `json:"components"`
}

type ref struct {
	Ref string `json:"$ref"`
}

func (r ref) name() string { return r.Ref[strings.LastIndex(r.Ref, "/")+1:] }

type asyncMessage struct {
	ContentType string `json:"contentType"`
	Headers     any    `json:"headers"`
	Payload     any    `json:"payload"`
	Bindings    struct {
		Kafka struct {
			Key any `json:"key"`
		} `json:"kafka"`
	} `json:"bindings"`
}

// topic has the parts of a channel that consumers know.
type topic struct {
	name   string // the name of the channel, which consumers do not know
	kafka  kafkaTopic
	events map[string]asyncMessage // by CloudEvents type
}

// events has the parts of a document that consumers know.
type events struct {
	topics  map[string]topic // by address
	schemas map[string]any
}

func readAsyncAPI(document []byte) (*events, error) {
	var tree any
	if err := yaml.Unmarshal(document, &tree); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var d asyncDocument
	if err := strictjson.Unmarshal(asJSON, &d); err != nil {
		return nil, err
	}
	e := &events{topics: map[string]topic{}, schemas: d.Components.Schemas}
	types, err := e.types(d.Components.Messages)
	if err != nil {
		return nil, err
	}
	for name, channel := range d.Channels {
		if other, twice := e.topics[channel.Address]; twice {
			return nil, fmt.Errorf("channels %s and %s have the same address", min(name, other.name), max(name, other.name))
		}
		t := topic{name: name, kafka: channel.Bindings.Kafka, events: map[string]asyncMessage{}}
		for _, r := range channel.Messages {
			m, ok := d.Components.Messages[r.name()]
			if !ok {
				return nil, fmt.Errorf("channel %s: there is no message %q", name, r.Ref)
			}
			m.ContentType = cmp.Or(m.ContentType, d.DefaultContentType)
			m.Bindings.Kafka.Key = e.resolved(m.Bindings.Kafka.Key)
			t.events[types[r.name()]] = m
		}
		e.topics[channel.Address] = t
	}
	if len(e.topics) == 0 {
		return nil, fmt.Errorf("it has no channels")
	}
	return e, nil
}

// types returns the CloudEvents types by the names of the messages.
func (e *events) types(messages map[string]asyncMessage) (map[string]string, error) {
	types, names := map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(messages)) {
		typ := constant(messages[name].Payload, "type", e.schemas)
		if typ == "" {
			return nil, fmt.Errorf("message %s: its payload has no constant member \"type\"", name)
		}
		if other, twice := names[typ]; twice {
			return nil, fmt.Errorf("messages %s and %s have the same type", other, name)
		}
		types[name], names[typ] = typ, name
	}
	return types, nil
}

// constant returns the only text that the schema allows for a member, or "" if it allows other texts.
func constant(schema any, member string, schemas map[string]any) string {
	s, _ := schema.(map[string]any)
	if r, ok := s["$ref"].(string); ok {
		return constant(schemas[ref{r}.name()], member, schemas)
	}
	properties, _ := s["properties"].(map[string]any)
	property, _ := properties[member].(map[string]any)
	if value, ok := property["const"].(string); ok {
		return value
	}
	parts, _ := s["allOf"].([]any)
	for _, part := range parts {
		if value := constant(part, member, schemas); value != "" {
			return value
		}
	}
	return ""
}

func compareAsyncAPI(before, after []byte, uses uses) ([]finding, error) {
	old, err := readAsyncAPI(before)
	if err != nil {
		return nil, fmt.Errorf("before: %w", err)
	}
	now, err := readAsyncAPI(after)
	if err != nil {
		return nil, err
	}
	var all []finding
	for _, address := range slices.Sorted(maps.Keys(old.topics)) {
		all = append(all, compareTopic(address, old.topics[address], now, uses)...)
	}
	inside, err := comparePayloads(old, now, uses)
	return append(all, inside...), err
}

func compareTopic(address string, old topic, after *events, uses uses) (found []finding) {
	readers := uses.where(func(u use) bool { return u.topic == address })
	now, ok := after.topics[address]
	if !ok {
		what := "the topic is gone"
		for other, t := range after.topics {
			if t.name == old.name {
				what = "the topic is now " + other
			}
		}
		return []finding{{place: address, what: what, uses: readers}}
	}
	for _, what := range old.kafka.breaks(now.kafka) {
		found = append(found, finding{place: address, what: what, uses: readers})
	}
	for _, typ := range slices.Sorted(maps.Keys(old.events)) {
		m, ok := now.events[typ]
		add := func(format string, args ...any) {
			users := uses.where(func(u use) bool { return u.event == typ })
			found = append(found, finding{place: typ, what: fmt.Sprintf(format, args...), uses: users})
		}
		if !ok {
			add("the event is no longer sent to %s", address)
			continue
		}
		if was := old.events[typ]; m.ContentType != was.ContentType {
			add("the content type changed from %s to %s", was.ContentType, m.ContentType)
		}
		if was, is := old.events[typ].Bindings.Kafka.Key, m.Bindings.Kafka.Key; !reflect.DeepEqual(was, is) {
			add("the Kafka key changed from %s to %s", inJSON(was), inJSON(is))
		}
	}
	return found
}

func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// comparePayloads lets oasdiff compare the events that exist before and after. Each event is compared like an HTTP answer.
func comparePayloads(before, after *events, uses uses) ([]finding, error) {
	both := func(typ string) bool { return before.has(typ) && after.has(typ) }
	old, err := before.asOpenAPI(both)
	if err != nil {
		return nil, err
	}
	now, err := after.asOpenAPI(both)
	if err != nil {
		return nil, err
	}
	changes, err := breakingChanges(old, now)
	if err != nil {
		return nil, err
	}
	text := checker.NewDefaultLocalizer()
	found := make([]finding, len(changes))
	for i, c := range changes {
		typ := strings.TrimPrefix(c.GetPath(), "/")
		found[i] = finding{
			place: typ, what: ofEvent.Replace(c.GetUncolorizedText(text)),
			uses: uses.where(func(u use) bool { return u.event == typ && u.touchedBy(c) }),
		}
	}
	return found, nil
}

// ofEvent removes the parts from oasdiff's message that come from the conversion into an HTTP answer.
var ofEvent = strings.NewReplacer(
	" from the response with the `200` status", "", " to the response with the `200` status", "",
	" for the response status `200`", "", " for the status `200`", "", " for status `200`", "",
	" response's property", "'s property", "the response property", "the property", " response property", " property",
	"`application/json`'s", "the event's", wrapped+"/", "", wrappedHeaders+"/", "header ",
)

// The members of the object that contains an event.
const (
	wrapped        = "payload"
	wrappedHeaders = "headers"
)

func (e *events) has(typ string) bool {
	for _, t := range e.topics {
		if _, ok := t.events[typ]; ok {
			return true
		}
	}
	return false
}

// asOpenAPI returns a document in which each event is the answer to a GET of its type. Both documents use JSON Schema
// 2020-12, so schemas do not change.
func (e *events) asOpenAPI(keep func(typ string) bool) ([]byte, error) {
	paths := map[string]any{}
	for _, t := range e.topics {
		for typ, m := range t.events {
			if !keep(typ) {
				continue
			}
			schema := map[string]any{
				"type": "object", "required": []string{wrapped}, "properties": map[string]any{wrapped: m.Payload},
			}
			if m.Headers != nil {
				schema["required"] = []string{wrapped, wrappedHeaders}
				schema["properties"] = map[string]any{wrapped: m.Payload, wrappedHeaders: m.Headers}
			}
			paths["/"+typ] = map[string]any{"get": map[string]any{"responses": map[string]any{"200": map[string]any{
				"description": "an event", "content": map[string]any{"application/json": map[string]any{"schema": schema}},
			}}}}
		}
	}
	return json.Marshal(map[string]any{
		"openapi": "3.1.0", "info": map[string]any{"title": "events", "version": "1"}, "paths": paths,
		"components": map[string]any{"schemas": e.schemas},
	})
}
