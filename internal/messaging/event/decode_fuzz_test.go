package event_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// FuzzDecode checks that Decode never panics. A message that it accepts is also JSON for the standard library, and
// PostgreSQL can store its strings. Encoding the event and decoding it again gives the same event.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(strings.Replace(valid, `{"spec`, `{"causationid":"0199b5a4","spec`, 1)))
	f.Add([]byte(with("data", `{"a":[1,-0.5e+3,true,null,"\ud83e\uddc3\u2028<&>"]}`)))
	f.Add([]byte(with("time", `"9999-12-31T23:59:59.9999999-23:59"`)))
	f.Add([]byte(`{"id":"\ud800"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		e, err := event.Decode(value)
		if err != nil {
			return
		}
		if !json.Valid(value) {
			t.Fatalf("not JSON: %q", value)
		}
		for _, s := range []string{e.ID, e.Source, e.Type, e.Subject, e.DataSchema, e.CausationID} {
			if !utf8.ValidString(s) || bytes.IndexByte([]byte(s), 0) >= 0 {
				t.Fatalf("PostgreSQL would refuse %q", s)
			}
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("encode: %s", err)
		}
		e2, err := event.Decode(again)
		if err != nil {
			t.Fatalf("decode %q: %s", again, err)
		}
		if !sameJSON(e.Data, e2.Data) {
			t.Fatalf("data\n%q\n%q", e.Data, e2.Data)
		}
		e.Data, e2.Data = nil, nil
		if !reflect.DeepEqual(e, e2) {
			t.Fatalf("decoded\n%+v\n%+v", e, e2)
		}
	})
}

func sameJSON(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	read := func(raw []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		_ = d.Decode(&v)
		return v
	}
	return reflect.DeepEqual(read(a), read(b))
}
