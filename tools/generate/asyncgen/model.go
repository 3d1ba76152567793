package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Model is the content of a document in Go terms.
type Model struct {
	Title       string
	ContentType string
	Source      string // the CloudEvents source that all events have in common, or empty
	Topics      []Topic
	Events      []Event
	Objects     []Object // types that events refer to, in the order of their first use
}

// Topic is a channel of the document.
type Topic struct{ Name, Address, Doc string }

// Event is a message: the type of its payload, and the constant of its CloudEvents type.
type Event struct {
	Object
	Message string // its name in the channel, for example ProductCreated
	Type    string // its CloudEvents type, for example monsplit.product.created.v1
	Summary string
}

// Object is a struct.
type Object struct {
	Name, Doc string
	Fields    []Field
}

// Field is a member of an object.
type Field struct {
	Name     string // in Go
	Member   string // in JSON
	Doc      string
	Type     string // in Go
	Const    string // the only value, if Fixed
	Fixed    bool
	Optional bool
}

// Load reads an AsyncAPI 3 document.
func Load(src []byte) (*Model, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, err
	}
	if doc.Kind != yaml.DocumentNode {
		return nil, errors.New("the document is empty")
	}
	l := &loader{root: node{doc.Content[0]}}
	if v := l.root.get("asyncapi").text(); !strings.HasPrefix(v, "3.") {
		return nil, fmt.Errorf("asyncapi is %q, need 3.x", v)
	}
	l.model.Title = l.root.get("info", "title").text()
	l.model.ContentType = l.root.get("defaultContentType").text()
	for name, channel := range l.root.get("channels").members() {
		if err := l.channel(name, channel); err != nil {
			return nil, fmt.Errorf("channel %s: %w", name, err)
		}
	}
	if err := l.leftOut(); err != nil {
		return nil, err
	}
	// Objects may refer to other objects, so the list grows during the loop.
	for i := 0; i < len(l.refs); i++ {
		name := l.refs[i]
		object, err := l.object(name, l.root.get("components", "schemas", name))
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		l.model.Objects = append(l.model.Objects, object)
	}
	l.model.Source = l.commonSource()
	return &l.model, nil
}

type loader struct {
	root     node
	model    Model
	refs     []string // schemas that fields refer to
	messages []string // the messages in channels
}

// leftOut returns an error if a message of the components is in no channel, or if no operation sends it. Readers would never
// receive such a message.
func (l *loader) leftOut() error {
	for name := range l.root.get("components", "messages").members() {
		if !slices.Contains(l.messages, name) {
			return fmt.Errorf("message %s is in no channel", name)
		}
	}
	var sent []string
	for _, operation := range l.root.get("operations").members() {
		if operation.get("action").text() != "send" {
			continue
		}
		for _, message := range operation.get("messages").items() {
			sent = append(sent, message.get("$ref").text())
		}
	}
	for name, channel := range l.root.get("channels").members() {
		for message := range channel.get("messages").members() {
			if !slices.Contains(sent, "#/channels/"+name+"/messages/"+message) {
				return fmt.Errorf("message %s is in no operation that sends to the channel %s", message, name)
			}
		}
	}
	return nil
}

func (l *loader) channel(name string, channel node) error {
	l.model.Topics = append(l.model.Topics, Topic{
		Name: goName(name), Address: channel.get("address").text(), Doc: channel.get("description").text(),
	})
	for name, ref := range channel.get("messages").members() {
		message, component, err := ref.resolve(l.root)
		if err != nil {
			return err
		}
		l.messages = append(l.messages, component)
		if ct := message.get("contentType").text(); ct != "" && ct != l.model.ContentType {
			return fmt.Errorf("message %s has content type %q, all the others have %q", name, ct, l.model.ContentType)
		}
		payload, schema, err := message.get("payload").resolve(l.root)
		if err != nil {
			return err
		}
		object, err := l.object(schema, payload)
		if err != nil {
			return fmt.Errorf("message %s: %w", name, err)
		}
		i := slices.IndexFunc(object.Fields, func(f Field) bool { return f.Member == "type" && f.Fixed })
		if i < 0 {
			return fmt.Errorf("message %s: its payload has no constant member \"type\"", name)
		}
		l.model.Events = append(l.model.Events, Event{
			Object: object, Message: goName(name), Type: object.Fields[i].Const, Summary: message.get("summary").text(),
		})
	}
	return nil
}

func (l *loader) commonSource() string {
	var sources []string
	for _, e := range l.model.Events {
		for _, f := range e.Fields {
			if f.Member == "source" && f.Fixed {
				sources = append(sources, f.Const)
			}
		}
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(sources))); len(unique) == 1 {
		return unique[0]
	}
	return ""
}
