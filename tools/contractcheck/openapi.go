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

// breakingChanges asks oasdiff. What it calls a warning may break somebody, so it counts; so does what levels raises.
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

// readOpenAPI puts parts of schemas together that are spread over an allOf, and gives operations their path's parameters:
// where something stands makes no difference.
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

// excuses are what oasdiff lets a part go for without a word: that it was announced, or never promised. Within v1 it may
// be in use all the same.
var excuses = []string{"deprecated", "x-sunset", "x-stability-level"}

// unexcused takes the excuses out. What has one of their names and is no scalar is a member of somebody's data.
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

// touchedBy says whether a change of an operation, or of an event, matters to somebody who uses it. A change of the
// answer matters to whom reads that part of it, any other to everybody.
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
	case strings.Contains(id, "property-const"): // of which oasdiff tells the name alone
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

// readsFieldWhere says whether one of the arguments of a change is a path that matches a field in use.
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

// related says whether the fields are the same, or one holds the other.
func related(field, changed string) bool {
	return field == changed || strings.HasPrefix(field, changed+"/") || strings.HasPrefix(changed, field+"/")
}

// fieldPath turns a path as oasdiff writes it into one of fields alone: without the steps into a list's items.
func fieldPath(text string) string {
	var steps []string
	for step := range strings.SplitSeq(text, "/") {
		if step != "" && step != "items" {
			steps = append(steps, step)
		}
	}
	return strings.Join(steps, "/")
}
