package docpages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// eventsDocument has the parts of an AsyncAPI 3 document that the page shows.
type eventsDocument struct {
	DefaultContentType string `yaml:"defaultContentType"`
	Info               struct{ Title, Version, Description string }
	Channels           ordered[struct {
		Address, Title, Description string
		Messages                    ordered[struct {
			Ref string `yaml:"$ref"`
		}]
		Bindings struct {
			Kafka ordered[yaml.Node]
		}
	}]
	Components struct {
		Messages ordered[messageDocument]
		Schemas  ordered[schema]
	}
}

type messageDocument struct {
	Title, Summary string
	ContentType    string `yaml:"contentType"`
	Headers        schema
	Payload        schema
	Bindings       struct{ Kafka struct{ Key schema } }
	Examples       []struct {
		Name, Summary    string
		Headers, Payload yaml.Node
	}
}

// eventsView is the data of the page of a service's events.
type eventsView struct {
	Title, Version, Description string
	Channels                    []channelView
	Consumers                   []string
	Strays                      []expectation // a consumer expects them of this service, but the document does not describe them
}

type channelView struct {
	Anchor, Title, Address, Description string
	Settings                            []constraint // of the topic, under Kafka's names
	Messages                            []messageView
}

type messageView struct {
	Anchor, Title, Summary string
	Type, ContentType      string
	Key                    []constraint
	Headers                []field
	Data, Envelope         []field
	Examples               []exampleView
	Expectations           []expectation
}

type exampleView struct{ Anchor, Summary, Headers, Payload string }

func readEvents(cfg Config) (*eventsView, error) {
	var d eventsDocument
	if err := yaml.Unmarshal(cfg.AsyncAPI, &d); err != nil {
		return nil, fmt.Errorf("read the AsyncAPI document: %w", err)
	}
	expected, err := expectations(cfg.Pacts, cfg.Service)
	if err != nil {
		return nil, err
	}
	v := &eventsView{Title: d.Info.Title, Version: d.Info.Version, Description: d.Info.Description}
	described := map[string]bool{}
	for _, c := range d.Channels {
		channel := channelView{Anchor: "channel-" + c.Name, Title: c.Value.Title, Address: c.Value.Address, Description: c.Value.Description}
		for _, binding := range c.Value.Bindings.Kafka {
			channel.Settings = append(channel.Settings, settings(binding.Name, binding.Value)...)
		}
		for _, ref := range c.Value.Messages {
			name := strings.TrimPrefix(ref.Value.Ref, "#/components/messages/")
			m := d.Components.Messages.find(name)
			if m == nil {
				return nil, fmt.Errorf("there is no message %s", ref.Value.Ref)
			}
			message, err := d.message(name, *m, expected)
			if err != nil {
				return nil, fmt.Errorf("message %s: %w", name, err)
			}
			described[message.Type] = true
			channel.Messages = append(channel.Messages, message)
		}
		v.Channels = append(v.Channels, channel)
	}
	for _, e := range expected {
		if !slices.Contains(v.Consumers, e.Consumer) {
			v.Consumers = append(v.Consumers, e.Consumer)
		}
		if !described[e.Type] {
			v.Strays = append(v.Strays, e)
		}
	}
	return v, nil
}

// settings returns the members of a binding. A member that is a mapping is replaced by its own members.
func settings(name string, value yaml.Node) (list []constraint) {
	switch {
	case name == "bindingVersion": // the version of the binding's format
	case value.Kind == yaml.MappingNode:
		for i := 0; i < len(value.Content); i += 2 {
			list = append(list, settings(value.Content[i].Value, *value.Content[i+1])...)
		}
	case value.Kind == yaml.SequenceNode:
		var all []string
		for _, item := range value.Content {
			all = append(all, item.Value)
		}
		list = append(list, constraint{name, strings.Join(all, ", ")})
	default:
		list = append(list, constraint{name, value.Value})
	}
	return list
}

func (d *eventsDocument) message(name string, m messageDocument, expected []expectation) (messageView, error) {
	v := messageView{Anchor: name, Title: m.Title, Summary: m.Summary, ContentType: cmp.Or(m.ContentType, d.DefaultContentType)}
	key, err := d.whole(m.Bindings.Kafka.Key, 0)
	if err != nil {
		return v, err
	}
	v.Key = append([]constraint{{What: strings.Join(key.Type, " or ")}}, constraints(key)...)
	if v.Headers, err = d.fields(m.Headers); err != nil {
		return v, err
	}
	members, err := d.fields(m.Payload)
	if err != nil {
		return v, err
	}
	v.Type = constant(members, "type")
	for _, e := range expected {
		if e.Type == v.Type {
			v.Expectations = append(v.Expectations, e)
		}
	}
	for _, member := range members {
		for _, e := range v.Expectations {
			if slices.Contains(e.Uses, member.Path) && !slices.Contains(member.UsedBy, e.Consumer) {
				member.UsedBy = append(member.UsedBy, e.Consumer)
			}
		}
		if strings.HasPrefix(member.Path, "data.") {
			v.Data = append(v.Data, member)
		} else {
			v.Envelope = append(v.Envelope, member)
		}
	}
	v.Examples, err = examples(name, m)
	return v, err
}

// constant returns the only value that a member can have, or "".
func constant(members []field, path string) string {
	for _, f := range members {
		if f.Path == path && len(f.Constraints) == 1 && f.Constraints[0].What == "always" {
			return f.Constraints[0].Value
		}
	}
	return ""
}

func examples(name string, m messageDocument) (list []exampleView, err error) {
	for i, e := range m.Examples {
		v := exampleView{Anchor: fmt.Sprintf("%s-example-%d", name, i+1), Summary: cmp.Or(e.Summary, e.Name)}
		for i := 0; i+1 < len(e.Headers.Content); i += 2 {
			v.Headers += e.Headers.Content[i].Value + ": " + e.Headers.Content[i+1].Value + "\n"
		}
		if v.Payload, err = toJSON(e.Payload); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
