package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
	"go.yaml.in/yaml/v3"
)

func compareOpenAPI(before, after []byte, uses uses) ([]finding, error) {
	changes, err := breakingChanges(before, after)
	if err != nil {
		return nil, err
	}
	text := checker.NewDefaultLocalizer()
	findings := make([]finding, len(changes))
	for i, c := range changes {
		findings[i] = finding{
			place: strings.TrimSpace(c.GetOperation() + " " + c.GetPath()), what: strings.TrimSuffix(c.GetUncolorizedText(text), " without deprecation"),
			uses: uses.where(func(u use) bool { return u.calls(c.GetOperation(), c.GetPath()) && u.touchedBy(c) }),
		}
	}
	return findings, nil
}

// breakingChanges returns oasdiff's findings. A warning of oasdiff counts too, because it may break a consumer, and so do the
// findings that levels raises.
func breakingChanges(before, after []byte) (checker.Changes, error) {
	old, err := readOpenAPI(before)
	if err != nil {
		return nil, err
	}
	revised, err := readOpenAPI(after)
	if err != nil {
		return nil, err
	}
	difference, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), old, revised)
	if err != nil {
		return nil, err
	}
	config := checker.NewConfig(checker.GetAllChecks(), checker.WithSeverityLevels(levels()))
	return checker.CheckBackwardCompatibilityUntilLevel(config, difference, sources, checker.WARN), nil
}

// readOpenAPI merges the parts of an allOf into one schema, and copies the parameters of a path to its operations. So the place
// of a definition makes no difference.
func readOpenAPI(document []byte) (*load.SpecInfo, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	unexcused(&root)
	document, err := yaml.Marshal(&root)
	if err != nil {
		return nil, err
	}
	return load.NewSpecInfoFromData(openapi3.NewLoader(), document, "document.yaml", load.WithFlattenAllOf(), load.WithFlattenParams())
}

// excuses are the members for which oasdiff silently allows the removal of a part: they announce the removal, or they say that
// the part was never promised. Within v1 a consumer may use the part nevertheless.
var excuses = []string{"deprecated", "x-sunset", "x-stability-level"}

// unexcused removes the excuses. A member with the name of an excuse that is not a scalar belongs to the data, and stays.
func unexcused(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		var kept []*yaml.Node
		for pair := range slices.Chunk(n.Content, 2) {
			if !slices.Contains(excuses, pair[0].Value) || pair[1].Kind != yaml.ScalarNode {
				kept = append(kept, pair...)
			}
		}
		n.Content = kept
	}
	for _, child := range n.Content {
		unexcused(child)
	}
}

// touchedBy reports whether a change of an operation or an event affects one of its users. A change of the answer affects the
// users that read the changed part. Any other change affects all users.
func (u use) touchedBy(c checker.Change) bool {
	id := c.GetId()
	if strings.HasPrefix(id, "request-") || strings.HasPrefix(id, "new-") {
		return true
	}
	for _, arg := range c.GetArgs() {
		text, ok := arg.(string)
		if !ok {
			continue
		}
		if status, err := strconv.Atoi(text); err == nil && u.status != 0 && len(text) == 3 && status != u.status {
			return false
		}
	}
	switch {
	case strings.Contains(id, "header"):
		return u.readsHeader(c.GetArgs())
	case strings.Contains(id, "property-const"): // oasdiff gives only the name
		return u.readsFieldWhere(c.GetArgs(), func(field, changed string) bool { return strings.HasSuffix("/"+field, "/"+changed) })
	case strings.Contains(id, "property"):
		return u.readsFieldWhere(c.GetArgs(), related)
	default:
		return true
	}
}

func (u use) readsHeader(args []any) bool {
	for _, arg := range args {
		if text, ok := arg.(string); ok && u.headers[strings.ToLower(text)] {
			return true
		}
	}
	return false
}

// readsFieldWhere reports whether one of the arguments of a change is a path that matches a used field.
func (u use) readsFieldWhere(args []any, match func(field, changed string) bool) bool {
	for _, arg := range args {
		text, ok := arg.(string)
		if !ok {
			continue
		}
		for field := range u.fields {
			if match(field, fieldPath(text)) {
				return true
			}
		}
	}
	return false
}

// related reports whether the fields are the same, or one contains the other.
func related(field, changed string) bool {
	return field == changed || strings.HasPrefix(field, changed+"/") || strings.HasPrefix(changed, field+"/")
}

// fieldPath converts a path in oasdiff's form into a path of fields only, without the steps into the items of a list.
func fieldPath(text string) string {
	var steps []string
	for step := range strings.SplitSeq(text, "/") {
		if step != "" && step != "items" {
			steps = append(steps, step)
		}
	}
	return strings.Join(steps, "/")
}
