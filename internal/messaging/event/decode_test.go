package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// valid is a valid message. Tests change parts of it.
const valid = `{"specversion":"1.0","id":"0199b5a4-0b7e-7c39-8f3d-4be1c5f1a001","source":"/shop",` +
	`"type":"shop.product.created.v1","subject":"5f0c2d3e-8f1a-4c57-9b64-7d2f6f3a9e10",` +
	`"time":"2026-03-01T10:20:30.123456Z","datacontenttype":"application/json",` +
	`"dataschema":"https://shop.example/schemas/product/v1","aggregateversion":7,` +
	`"data":{"product_uuid":"5f0c2d3e-8f1a-4c57-9b64-7d2f6f3a9e10","name":"Gr\u00fcner Tee","product_category":"tea",` +
	`"discontinued":false,"version":7,"created_at":"2026-02-01T00:00:00Z","updated_at":"2026-03-01T10:20:30.123456Z"}}`

func TestDecode(t *testing.T) {
	t.Parallel()
	e, err := event.Decode([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "0199b5a4-0b7e-7c39-8f3d-4be1c5f1a001" || e.Source != "/shop" || e.Version != 7 ||
		e.Type != "shop.product.created.v1" || e.Subject != "5f0c2d3e-8f1a-4c57-9b64-7d2f6f3a9e10" ||
		e.DataSchema != "https://shop.example/schemas/product/v1" ||
		!e.Time.Equal(time.Date(2026, 3, 1, 10, 20, 30, 123456000, time.UTC)) || e.Time.Location() != time.UTC {
		t.Errorf("decoded %+v", e)
	}
	if !strings.HasPrefix(string(e.Data), `{"product_uuid"`) {
		t.Errorf("data is %s", e.Data)
	}
}

// The id of the cause is optional. It survives encoding and decoding.
func TestDecodeTheCause(t *testing.T) {
	t.Parallel()
	for _, cause := range []string{"", "0199b5a4-0b7e-7c39-8f3d-4be1c5f1a002"} {
		e, err := event.Decode([]byte(valid))
		if err != nil || e.CausationID != "" {
			t.Fatal(e.CausationID, err)
		}
		e.CausationID = cause
		value, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(value), "causationid"); has != (cause != "") {
			t.Errorf("encoded %s", value)
		}
		if got, err := event.Decode(value); err != nil || got.CausationID != cause {
			t.Errorf("decoded %q, want %q, %v", got.CausationID, cause, err)
		}
	}
}

// with returns the valid message with another value for one member, or without the member if raw is empty.
func with(name, raw string) string {
	start := strings.Index(valid, `"`+name+`":`)
	end := start + len(name) + 3
	for depth, quoted := 0, false; ; end++ {
		c := valid[end]
		if c == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth < 0 || depth == 0 && c == ',' {
			break
		}
	}
	if raw == "" {
		if start > 1 {
			return valid[:start-1] + valid[end:] // with the comma before it
		}
		return valid[:start] + valid[end+1:]
	}
	return valid[:start] + `"` + name + `":` + raw + valid[end:]
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"an unknown attribute":            strings.Replace(valid, `{"spec`, `{"partitionkey":"x","sequence":3,"spec`, 1),
		"a null optional attribute":       with("datacontenttype", "null"),
		"white space":                     " \n\t\r" + strings.ReplaceAll(valid, `":`, "\" :\n") + "\r\n ",
		"another offset":                  with("time", `"2026-03-01T12:20:30+02:00"`),
		"nanoseconds":                     with("time", `"2026-03-01T12:20:30.123456789Z"`),
		"escapes":                         with("type", `"shop.\u0070roduct.created.v1"`),
		"an escaped name":                 strings.Replace(valid, `"aggregateversion"`, `"\u0061ggregateversion"`, 1),
		"a pair of surrogates":            with("data", `{"name":"\ud83e\uddc3"}`),
		"JSON by suffix":                  with("datacontenttype", `"application/vnd.x+json; charset=utf-8"`),
		"a large version":                 with("aggregateversion", "2147483647"),
		"a lower-case t and z":            with("time", `"2026-03-01t12:20:30z"`),
		"a lower-case t and an offset":    with("time", `"2026-03-01t12:20:30.5+02:00"`),
		"as deep as allowed":              with("data", strings.Repeat("[", 31)+strings.Repeat("]", 31)),
		"data that is not an object":      with("data", `[1.5e-7,true,false,null,"",-0]`),
		"the same name in other objects":  with("data", `{"a":{"b":1},"b":{"a":1}}`),
		"a null causation id":             strings.Replace(valid, `{"spec`, `{"causationid":null,"spec`, 1),
		"a name that differs in its case": strings.Replace(valid, `{"spec`, `{"ID":"x","Type":5,"spec`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := event.Decode([]byte(value)); err != nil {
				t.Errorf("%s\n%s", err, value)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	members := func(n int, last string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"m%d":0,`, i)
		}
		return with("data", "{"+b.String()+last+"}")
	}
	for name, c := range map[string]struct{ value, reason string }{
		"nothing":                        {"", "empty"},
		"white space":                    {"  ", "not a JSON object"},
		"an array":                       {"[]", "not a JSON object"},
		"a byte order mark":              {"\ufeff" + valid, "not a JSON object"},
		"invalid UTF-8":                  {with("data", "{\"name\":\"\xff\"}"), "not UTF-8"},
		"the first half":                 {valid[:len(valid)/2], "has no end"},
		"trailing garbage":               {valid + "{}", "data after the JSON value"},
		"a trailing NUL":                 {valid + "\x00", "data after the JSON value"},
		"a repeated attribute":           {strings.Replace(valid, `{"spec`, `{"id":"x","spec`, 1), `"id" is repeated`},
		"repeated by an escape":          {strings.Replace(valid, `{"spec`, `{"\u0069d":"x","spec`, 1), `"id" is repeated`},
		"repeated deep down":             {with("data", `{"a":[{"name":1,"name":2}]}`), `"name" is repeated`},
		"repeated among many":            {members(40, `"m39":1`), `"m39" is repeated`},
		"repeated after a few":           {members(40, `"m3":1`), `"m3" is repeated`},
		"too deep":                       {with("data", strings.Repeat("[", 32)+strings.Repeat("]", 32)), "is nested deeper"},
		"very deep":                      {strings.Repeat(`{"a":`, 100000), "is nested deeper"},
		"NUL in data":                    {with("data", `{"name":"a\u0000b"}`), "NUL"},
		"NUL in a name":                  {with("data", `{"a\u0000b":1}`), "NUL"},
		"a raw control character":        {with("data", "{\"name\":\"a\nb\"}"), "U+000A"},
		"a lone high surrogate":          {with("data", `{"name":"\ud83e"}`), "unpaired surrogate"},
		"a lone low surrogate":           {with("data", `{"name":"\uddc3"}`), "unpaired surrogate"},
		"two high surrogates":            {with("data", `{"name":"\ud83e\ud83e"}`), "unpaired surrogate"},
		"a bad escape":                   {with("data", `{"name":"\x41"}`), "not a valid escape"},
		"a leading zero":                 {with("data", `{"n":01}`), "comma or } is missing"},
		"NaN":                            {with("data", `{"n":NaN}`), "a JSON value cannot begin"},
		"a comma too many":               {with("data", `{"n":1,}`), "name is missing"},
		"no specversion":                 {with("specversion", ""), "specversion is missing"},
		"another specversion":            {with("specversion", `"0.3"`), `specversion is "0.3"`},
		"a numeric specversion":          {with("specversion", `1.0`), "specversion is not a string"},
		"no id":                          {with("id", ""), "id is missing"},
		"an empty id":                    {with("id", `""`), "id is empty"},
		"a null id":                      {with("id", "null"), "id is missing"},
		"a tab in the id":                {with("id", `"a\tb"`), "id contains the character U+0009"},
		"no source":                      {with("source", ""), "source is missing"},
		"a source that is not a URI":     {with("source", `"%zz"`), "source is not a URI"},
		"no type":                        {with("type", ""), "type is missing"},
		"a numeric subject":              {with("subject", "7"), "subject is not a string"},
		"no time":                        {with("time", ""), "time is missing"},
		"a time without a zone":          {with("time", `"2026-03-01T10:20:30"`), "not RFC 3339"},
		"a date":                         {with("time", `"2026-03-01"`), "not RFC 3339"},
		"a comma in the time":            {with("time", `"2026-03-01T10:20:30,5Z"`), "not RFC 3339"},
		"one digit of an hour":           {with("time", `"2026-03-01T1:20:30Z"`), "not RFC 3339"},
		"an offset of a day":             {with("time", `"2026-03-01T10:20:30+24:00"`), "not RFC 3339"},
		"a time before all years":        {with("time", `"0000-01-01T00:00:00+01:00"`), "outside the years"},
		"no version":                     {with("aggregateversion", ""), "aggregateversion is missing"},
		"version 0":                      {with("aggregateversion", "0"), "not an integer from 1 to 2147483647"},
		"version -1":                     {with("aggregateversion", "-1"), "not an integer from 1 to 2147483647"},
		"version 1.0":                    {with("aggregateversion", "1.0"), "not an integer from 1 to 2147483647"},
		"version 1e3":                    {with("aggregateversion", "1e3"), "not an integer from 1 to 2147483647"},
		"a version in quotes":            {with("aggregateversion", `"7"`), "not an integer from 1 to 2147483647"},
		"a version of more than 31 bits": {with("aggregateversion", "2147483648"), "not an integer from 1 to 2147483647"},
		"a version of more than 64 bits": {with("aggregateversion", "9223372036854775808"), "not an integer from 1 to 2147483647"},
		"data that is not JSON":          {with("datacontenttype", `"text/plain"`), "not JSON"},
		"data in base64":                 {strings.Replace(valid, `{"spec`, `{"data_base64":"AA==","spec`, 1), "data_base64"},
		"an empty causation id":          {strings.Replace(valid, `{"spec`, `{"causationid":"","spec`, 1), "causationid is empty"},
		"a causation id in number":       {strings.Replace(valid, `{"spec`, `{"causationid":7,"spec`, 1), "causationid is not a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := event.Decode([]byte(c.value))
			var de *event.DecodeError
			if !errors.As(err, &de) {
				t.Fatalf("error %v for\n%.300s", err, c.value)
			}
			if !strings.Contains(de.Reason, c.reason) {
				t.Errorf("reason %q, want one with %q", de.Reason, c.reason)
			}
		})
	}
}

// TestDecodeKeepsReadableAttributes: the event of an invalid message has the id and the version, if they are readable.
func TestDecodeKeepsReadableAttributes(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"wrong specversion": with("specversion", `"2.0"`),
		"no time":           with("time", ""),
		"NUL in data":       with("data", `{"name":"\u0000"}`),
		"cut off":           valid[:len(valid)-1],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := event.Decode([]byte(value))
			if err == nil || e.Version != 7 || e.ID != "0199b5a4-0b7e-7c39-8f3d-4be1c5f1a001" {
				t.Errorf("decoded %+v, error %v", e, err)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	value := []byte(valid)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(value); err != nil {
			b.Fatal(err)
		}
	}
}
