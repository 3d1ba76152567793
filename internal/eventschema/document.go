package eventschema

import "strings"

// doc is the part of an AsyncAPI document that describes the messages.
type doc struct {
	Components struct {
		Schemas  map[string]schema  `json:"schemas"`
		Messages map[string]message `json:"messages"`
	} `json:"components"`
}

type message struct {
	Payload  schema `json:"payload"`
	Examples []struct {
		Name    string `json:"name"`
		Payload any    `json:"payload"`
	} `json:"examples"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	Const      any               `json:"const"`
	AllOf      []schema          `json:"allOf"`
	Properties map[string]schema `json:"properties"`
}

// constant returns the only value that the schema at ref allows for a text member, or "" when it allows others.
func (d doc) constant(ref, member string) string {
	return d.constantIn(schema{Ref: ref}, member)
}

func (d doc) constantIn(s schema, member string) string {
	if s.Ref != "" {
		name, _ := strings.CutPrefix(s.Ref, "#/components/schemas/")
		return d.constantIn(d.Components.Schemas[name], member)
	}
	if value, ok := s.Properties[member].Const.(string); ok {
		return value
	}
	for _, part := range s.AllOf {
		if value := d.constantIn(part, member); value != "" {
			return value
		}
	}
	return ""
}

// closeObjects makes every object below components/schemas refuse members that are not documented. A part of an allOf
// stays open, because it does not document the members of the other parts. The allOf as a whole is closed instead.
func closeObjects(tree map[string]any) {
	components, _ := tree["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	parts := map[string]bool{}
	for _, s := range schemas {
		object, _ := s.(map[string]any)
		allOf, _ := object["allOf"].([]any)
		for _, part := range allOf {
			if ref, ok := part.(map[string]any)["$ref"].(string); ok {
				parts[strings.TrimPrefix(ref, "#/components/schemas/")] = true
			}
		}
	}
	for name, s := range schemas {
		object, _ := s.(map[string]any)
		if parts[name] {
			continue
		}
		if _, ok := object["allOf"]; ok {
			object["unevaluatedProperties"] = false
		} else if _, ok := object["properties"]; ok {
			object["additionalProperties"] = false
		}
	}
}
