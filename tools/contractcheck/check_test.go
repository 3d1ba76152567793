package main

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	shopAPI    = "api/shop/openapi.yaml"
	shopEvents = "asyncapi/shop.yaml"
	webPact    = pactDir + "/web-shop.json"
)

// small has the documents of a shop, and the contract of its only consumer.
func small(t *testing.T) files {
	t.Helper()
	f := files{}
	for path, name := range map[string]string{shopAPI: "openapi.yaml", shopEvents: "asyncapi.yaml", webPact: "web-shop.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f[path] = text
	}
	return f
}

// edited replaces a text that is in the document exactly once.
func edited(t *testing.T, f files, path string, pairs ...string) files {
	t.Helper()
	changed := files{}
	for p, text := range f {
		changed[p] = text
	}
	text := string(f[path])
	for pair := range slices.Chunk(pairs, 2) {
		if strings.Count(text, pair[0]) != 1 {
			t.Fatalf("%q is not in %s once", pair[0], path)
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	changed[path] = []byte(text)
	return changed
}

func unasked([]string) error { return errors.New("verified although nothing has grown") }

// change is one edit of a document and the expected result. If back is empty, the reverse change only adds something and must
// be accepted.
type change struct {
	path  string
	edits []string
	want  string // in the output
	whom  string // the line below it
	back  string // what the reverse change breaks
}

const (
	listed     = `it breaks web, which relies on it in "all chairs"`
	made       = `it breaks web, which relies on it in "a chair is made"`
	misled     = `it breaks web, which relies on it in "chairs in an unknown order"`
	noConsumer = "no consumer in contracts/pacts relies on it; callers without a contract may"
)

func changes() map[string]change {
	openAPI := map[string]change{
		"a path is renamed":       {edits: []string{"/chairs:", "/seats:"}, want: "GET /chairs: API path removed", whom: listed, back: "GET /seats: API path removed"},
		"a method is gone":        {edits: []string{"    post:", "    put:"}, want: "POST /chairs: ", whom: noConsumer, back: "PUT /chairs: "},
		"a field is dropped":      {edits: []string{"[id, name, note]", "[id, note]", "        name: { type: string }\n", ""}, want: "removed the required property `items/name`", whom: listed},
		"an unused field":         {edits: []string{"[id, name, note]", "[id, name]", "        note: { type: string }\n", ""}, want: "removed the required property `items/note`", whom: noConsumer},
		"a type":                  {edits: []string{"name: { type: string }", "name: { type: integer }"}, want: "the `items/name` response's property `type` changed from `string` to `integer`", whom: listed, back: "`type` changed from `integer` to `string`"},
		"a field may be left out": {edits: []string{"[id, name, note]", "[id, note]"}, want: "`items/name` became optional", whom: listed},
		"a field may be null":     {edits: []string{"name: { type: string }", "name: { type: string, nullable: true }"}, want: "`items/name` became nullable", whom: listed},
		"an enum value is gone":   {edits: []string{"enum: [id, name]", "enum: [id]"}, want: "removed the enum value `name` from the `query` request parameter `sort`", whom: listed},
		"an answer's new value":   {edits: []string{"enum: [oak]", "enum: [oak, elm]"}, want: "added the new `elm` enum value to the `items/wood` response property", whom: noConsumer},
		"a query is needed":       {edits: []string{"in: query\n", "in: query\n          required: true\n"}, want: "`sort` became required", whom: listed},
		"a body's field":          {edits: []string{"required: [name]", "required: [name, wood]"}, want: "request property `wood` became required", whom: noConsumer},
		"a status":                {edits: []string{"'201'", "'202'"}, want: "removed the success response with the status `201`", whom: noConsumer, back: "status `202`"},
		"a header is dropped":     {edits: []string{"            ETag: { required: true, schema: { type: string } }\n", ""}, want: "response header `ETag` removed", whom: listed},
		"a media type":            {edits: []string{"application/json:\n              schema:\n                type: array", "text/json:\n              schema:\n                type: array"}, want: "removed the media type `application/json`", whom: listed, back: "removed the media type `text/json`"},
	}
	maps.Copy(openAPI, map[string]change{
		"an optional header":         {edits: []string{"            Link: { schema: { type: string } }\n", ""}, want: "GET /chairs: the optional response header `Link` removed", whom: listed},
		"an optional field":          {edits: []string{"        wood: { type: string, enum: [oak] }\n", ""}, want: "GET /chairs: removed the optional property `items/wood`", whom: noConsumer},
		"a status of a fault":        {edits: []string{"'422'", "'400'"}, want: "GET /chairs: removed the non-success response with the status `422`", whom: misled, back: "the status `400`"},
		"a deprecated path":          {edits: []string{"/stools:", "/benches:"}, want: "GET /stools: API path removed", whom: noConsumer, back: "PATCH /benches: API path removed"},
		"a deprecated method":        {edits: []string{"    patch:", "    put:"}, want: "PATCH /stools: API removed", whom: noConsumer, back: "PUT /stools: API removed"},
		"a deprecated query":         {edits: []string{"        - { name: legs,", "        - { name: feet,"}, want: "deleted the `query` request parameter `legs`", whom: noConsumer, back: "request parameter `feet`"},
		"a deprecated field":         {edits: []string{"                required: [count]\n", "", "                  count: {", "                  sum: {"}, want: "removed the required property `count`", whom: noConsumer, back: "removed the optional property `sum`"},
		"a deprecated field, sent":   {edits: []string{"height: {", "width: {"}, want: "removed the request property `height`", whom: noConsumer, back: "request property `width`"},
		"an unstable method":         {edits: []string{"    delete:", "    options:"}, want: "DELETE /stools: API removed", whom: noConsumer, back: "OPTIONS /stools: API removed"},
		"what a missing query means": {edits: []string{"default: 3", "default: 4"}, want: "default value was changed from `3.00` to `4.00`", whom: noConsumer, back: "from `4.00` to `3.00`"},
	})
	events := map[string]change{
		"the topic":           {edits: []string{"address: chair.v1", "address: chairs.v1"}, want: "chair.v1: the topic is now chairs.v1", whom: made, back: "chairs.v1: the topic is now chair.v1"},
		"the partitions":      {edits: []string{"partitions: 12", "partitions: 24"}, want: "the number of partitions changed from 12 to 24", whom: made, back: "from 24 to 12"},
		"the cleanup":         {edits: []string{"[compact]", "[compact, delete]"}, want: "chair.v1: cleanup.policy changed from compact to compact,delete: a new consumer", whom: made, back: "from compact,delete to compact"},
		"no cleanup":          {edits: []string{"          cleanup.policy: [compact]\n", ""}, want: "cleanup.policy changed from compact to delete", whom: made, back: "from delete to compact"},
		"the compaction":      {edits: []string{"min.compaction.lag.ms: 1000", "min.compaction.lag.ms: 999"}, want: "chair.v1: min.compaction.lag.ms fell from 1000 to 999: a consumer that stands still", whom: made},
		"the largest event":   {edits: []string{"max.message.bytes: 2000", "max.message.bytes: 1999"}, want: "chair.v1: max.message.bytes fell from 2000 to 1999: a larger event", whom: made},
		"the key":             {edits: []string{"    Key: { type: string }", "    Key: { type: integer }"}, want: `the Kafka key changed from {"type":"string"} to {"type":"integer"}`, whom: made, back: "the Kafka key changed"},
		"the content type":    {edits: []string{"contentType: application/cloudevents+json", "contentType: application/json"}, want: "the content type changed from application/cloudevents+json to application/json", whom: made, back: "the content type changed"},
		"an event's type":     {edits: []string{"const: chair.made.v1", "const: chair.built.v1"}, want: "chair.made.v1: the event is no longer sent to chair.v1", whom: made, back: "chair.built.v1: the event is no longer sent"},
		"an event is gone":    {edits: []string{"      Sold: { $ref: '#/components/messages/Sold' }\n", ""}, want: "chair.sold.v1: the event is no longer sent", whom: noConsumer},
		"an attribute":        {edits: []string{"[type, time, version]", "[type, version]", "        time: { type: string, format: date-time }\n", ""}, want: "chair.made.v1: removed the required property `time`", whom: made},
		"a format":            {edits: []string{"format: date-time", "format: date"}, want: "`time`'s property `format` changed from `date-time` to `date`", whom: made, back: "`format` changed"},
		"a version of text":   {edits: []string{"version: { type: integer }", "version: { type: string }"}, want: "`version`'s property `type` changed from `integer` to `string`", whom: made, back: "`version`"},
		"data's field":        {edits: []string{"[name, weight]", "[weight]", "        name: { type: string }\n", ""}, want: "removed the required property `data/name`", whom: made},
		"data's unused field": {edits: []string{"[name, weight]", "[name]", "        weight: { type: integer }\n", ""}, want: "removed the required property `data/weight`", whom: noConsumer},
		"data may be null":    {edits: []string{"name: { type: string }", "name: { type: [string, 'null'] }"}, want: "`data/name` became nullable", whom: made},
		"data may be missing": {edits: []string{"[name, weight]", "[weight]"}, want: "`data/name` became optional", whom: made},
		"a field not always":  {edits: []string{"        color: { type: string }\n", ""}, want: "chair.made.v1: removed the optional property `data/color`", whom: made},
		"an optional header":  {edits: []string{"        traceparent: { type: string }\n", ""}, want: "chair.made.v1: removed the optional property `header traceparent`", whom: noConsumer},
		"a header's constant": {edits: []string{"const: one", "const: two"}, want: "`content-type` property const value changed", whom: made, back: "const value changed"},
	}
	all := map[string]change{}
	for name, c := range openAPI {
		c.path = shopAPI
		all["openapi: "+name] = c
	}
	for name, c := range events {
		c.path = shopEvents
		all["asyncapi: "+name] = c
	}
	return all
}

func TestBreakingChanges(t *testing.T) {
	t.Parallel()
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := small(t)
			after := edited(t, before, c.path, c.edits...)
			var out strings.Builder
			err := check(before, after, unasked, &out)
			if err == nil || !refuses(out.String(), c.path, c.want, c.whom) {
				t.Errorf("error %v, want %q, %q in\n%s", err, c.want, c.whom, out.String())
			}
			out.Reset()
			err = check(after, before, unasked, &out)
			if c.back == "" && err != nil || c.back != "" && (err == nil || !refuses(out.String(), c.path, c.back, "")) {
				t.Errorf("the other way round: error %v, want %q in\n%s", err, c.back, out.String())
			}
		})
	}
}

// refuses looks for a refusal, and for the line below it, which names the consumers that it breaks.
func refuses(out, path, want, whom string) bool {
	lines := strings.Split(out, "\n")
	for i, line := range lines[:len(lines)-1] {
		if strings.HasPrefix(line, "BREAKS: "+path+", ") && strings.Contains(line, want) && strings.Contains(lines[i+1], whom) {
			return true
		}
	}
	return false
}

// TestSameContract: neither side can notice these changes.
func TestSameContract(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"a key written out":   {"key: { $ref: '#/components/schemas/Key' }", "key: { type: string, description: Its id. }"},
		"a longer compaction": {"min.compaction.lag.ms: 1000", "min.compaction.lag.ms: 2000"},
		"a larger event":      {"max.message.bytes: 2000", "max.message.bytes: 3000"},
		"Kafka's own size":    {"          max.message.bytes: 2000\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			before := small(t)
			if err := check(before, edited(t, before, shopEvents, edits...), unasked, &out); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

// TestNotComparable: a document is refused if a part of it would not be compared.
func TestNotComparable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edits []string
		want  string
	}{
		"one type twice":    {[]string{"const: chair.sold.v1", "const: chair.made.v1"}, "messages Made and Sold have the same type"},
		"one address twice": {[]string{"components:\n", "  other: { address: chair.v1 }\ncomponents:\n"}, "channels chair and other have the same address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := small(t)
			err := check(before, edited(t, before, shopEvents, tt.edits...), unasked, io.Discard)
			if err == nil || !strings.Contains(err.Error(), shopEvents) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDocumentIsGone(t *testing.T) {
	t.Parallel()
	before, after := small(t), small(t)
	delete(after, shopEvents)
	var out strings.Builder
	if err := check(before, after, unasked, &out); err == nil || !strings.Contains(out.String(), "the document is gone") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := check(after, before, unasked, &out); err != nil {
		t.Errorf("a new document: %v", err)
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	const line = "asyncapi/shop.yaml, chair.sold.v1: the event is no longer sent to chair.v1"
	remove := []string{"      Sold: { $ref: '#/components/messages/Sold' }\n", ""}
	tests := map[string]struct{ past, now, want string }{
		"with a reason":     {"", "# Accepted\n\n    " + line + "\nReason: it was never sent\n", ""},
		"without a reason":  {"", "    " + line + "\n", "no reason is given"},
		"an empty reason":   {"", "    " + line + "\nReason:  \n", "no reason is given"},
		"another line":      {"", "    " + line + "!\nReason: a slip\n", "accepts what does not break"},
		"not at all":        {"", "# Accepted\n", "breaking changes: 1"},
		"accepted long ago": {"    " + line + "\nReason: once\n", "    " + line + "\nReason: once\n", "breaking changes: 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := small(t)
			after := edited(t, before, shopEvents, remove...)
			before[acceptedFile], after[acceptedFile] = []byte(tt.past), []byte(tt.now)
			var out strings.Builder
			err := check(before, after, unasked, &out)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q\n%s", err, tt.want, out.String())
			}
			if tt.want == "" && !strings.Contains(out.String(), "it was never sent") {
				t.Errorf("no reason in\n%s", out.String())
			}
			if again := strings.Contains(out.String(), "already accepts this line"); again != (tt.past != "") {
				t.Errorf("a line that was already accepted: %v\n%s", again, out.String())
			}
		})
	}
}

func TestGrownContract(t *testing.T) {
	t.Parallel()
	more := []string{`"name": "Chair"`, `"name": "Chair", "weight": 7`}
	before := small(t)
	after := edited(t, before, webPact, more...)
	var asked []string
	var out strings.Builder
	verify := func(answer error) func([]string) error {
		return func(contracts []string) error { asked = contracts; return answer }
	}
	err := check(before, after, verify(errors.New("no weight")), &out)
	if err == nil || !strings.Contains(err.Error(), "no weight") || !slices.Equal(asked, []string{"web-shop"}) {
		t.Errorf("error %v, asked for %q", err, asked)
	}
	if !strings.Contains(out.String(), "contracts/pacts/web-shop.json expects more of shop: all chairs") {
		t.Errorf("printed\n%s", out.String())
	}
	if err := check(before, after, verify(nil), &out); err != nil {
		t.Errorf("a contract that its provider keeps: %v", err)
	}
	delete(after, webPact)
	if err := check(before, after, unasked, &out); err != nil {
		t.Errorf("a consumer that is gone: %v", err)
	}
	asked = nil
	if err := check(after, before, verify(nil), &out); err != nil || len(asked) != 1 {
		t.Errorf("a new consumer: %v, asked for %q", err, asked)
	}
}
