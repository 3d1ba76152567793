package oas

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// allowNull makes the empty schemas in all bodies accept null. OpenAPI 3.0 says that {} accepts any value, but the library
// refuses null.
func allowNull(doc *openapi3.T) {
	seen := map[*openapi3.Schema]bool{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Value.Content {
				allowNullIn(media.Schema, seen)
			}
		}
	}
}

func allowNullIn(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	s.Nullable = s.Nullable || s.IsEmpty()
	parts := slices.Concat(s.AllOf, s.AnyOf, s.OneOf, []*openapi3.SchemaRef{s.Items, s.AdditionalProperties.Schema})
	for _, part := range slices.AppendSeq(parts, maps.Values(s.Properties)) {
		allowNullIn(part, seen)
	}
}
