package strictjson_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/strictjson"
)

type embedded struct {
	*embedded //nolint:unused // the type embeds itself

	Shade string `json:"shade"`
}

// own decodes itself, so its names are its own business.
type own struct{ text string }

func (o *own) UnmarshalJSON(raw []byte) error {
	o.text = string(raw)
	return nil
}

type sample struct {
	embedded

	Name     string               `json:"name"`
	Untagged int                  `json:",omitempty"`
	Hidden   string               `json:"-"`
	Inner    *sample              `json:"inner"`
	List     []sample             `json:"list"`
	ByName   map[string]*embedded `json:"by_name"`
	Any      any                  `json:"any"`
	Raw      json.RawMessage      `json:"raw"`
	Own      *own                 `json:"own"`
	At       time.Time            `json:"at"`
	Until    *time.Time           `json:"until"`
	Times    []time.Time          `json:"times"`
}

func TestUnmarshalComparesNamesExactly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want sample
	}{
		"Exact":        {`{"name":"a","shade":"b","Untagged":1}`, sample{Name: "a", embedded: embedded{Shade: "b"}, Untagged: 1}},
		"OtherCase":    {`{"name":"a","NAME":"b","Name":"c"}`, sample{Name: "a"}},
		"OnlyOther":    {`{"NAME":"b"}`, sample{}},
		"OtherType":    {`{"name":"a","Name":{"x":[1]}}`, sample{Name: "a"}},
		"Escaped":      {`{"name":"a","\u004eAME":"b"}`, sample{Name: "a"}},
		"EscapedExact": {`{"\u006eame":"a"}`, sample{Name: "a"}},
		"LongS":        {`{"ſhade":"b","hidden":"x","-":"y"}`, sample{}}, // U+017F folds to s
		"Untagged":     {`{"untagged":1}`, sample{}},
		"Embedded":     {`{"Shade":"b"}`, sample{}},
		"Inner":        {`{"inner":{"inner":{"Name":"b","name":"a"}}}`, sample{Inner: &sample{Inner: &sample{Name: "a"}}}},
		"List":         {`{"list":[{"NAME":"b"},{"name":"a"}]}`, sample{List: []sample{{}, {Name: "a"}}}},
		"Map":          {`{"by_name":{"X":{"Shade":"b"},"x":{"shade":"a"}}}`, sample{ByName: map[string]*embedded{"X": {}, "x": {Shade: "a"}}}},
		"Any":          {`{"any":{"NAME":1,"name":2}}`, sample{Any: map[string]any{"NAME": 1.0, "name": 2.0}}},
		"Raw":          {`{"raw":{"NAME":1}}`, sample{Raw: json.RawMessage(`{"NAME":1}`)}},
		"Own":          {`{"own":{"Text":"x"}}`, sample{Own: &own{`{"Text":"x"}`}}},
		"Null":         {`{"inner":null,"list":null,"by_name":null,"own":null,"until":null}`, sample{}},
		"Unknown":      {`{"name":"a","size":{"name":"b"}}`, sample{Name: "a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := []byte(tt.in)
			var got sample
			if err := strictjson.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
			if string(text) != tt.in {
				t.Errorf("the caller's text has become %s", text)
			}
		})
	}
}

func TestUnmarshalReadsTimes(t *testing.T) {
	t.Parallel()
	var got sample
	text := `{"at":"2026-03-01t09:30:00z","until":"2026-03-01t10:30:00.5+01:00","times":["2026-03-01T09:30:00z"],"name":"2026-03-01t09:30:00z"}`
	if err := strictjson.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	if !got.At.Equal(at) || !got.Until.Equal(at.Add(time.Second/2)) || !got.Times[0].Equal(at) || got.Name != "2026-03-01t09:30:00z" {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{`"2026-03-01 09:30:00z"`, `"tz"`, `""`, `"2026-03-01t09:30:00"`, `"2026-03-01t25:30:00z"`} {
		if err := strictjson.Unmarshal([]byte(bad), new(time.Time)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestUnmarshalKnown(t *testing.T) {
	t.Parallel()
	for in, fault := range map[string]string{
		`{"name":"a","inner":{"shade":"b"},"any":{"x":1}}`: "",
		`{"NAME":"a"}`:            `"NAME" is unknown`,
		`{"inner":{"size":1}}`:    `"size" is unknown`,
		`{"list":[{"Shade":""}]}`: `"Shade" is unknown`,
		`{"name":"a"} {}`:         "data after",
	} {
		err := strictjson.UnmarshalKnown([]byte(in), new(sample))
		if (err != nil) != (fault != "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: error %v, want %q", in, err, fault)
		}
	}
}

func TestUnmarshalIsStrict(t *testing.T) {
	t.Parallel()
	for in, fault := range map[string]string{
		`{"name":"a","name":"b"}`: "is repeated",
		`{"name":1}`:              "cannot unmarshal number",
		`{"name":"a"`:             "ends too early",
		"{\"name\":\"\xff\"}":     "not UTF-8",
	} {
		if err := strictjson.Unmarshal([]byte(in), new(sample)); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: error %v, want %q", in, err, fault)
		}
	}
	if err := strictjson.Unmarshal([]byte(`{}`), nil); err == nil {
		t.Error("nil is accepted")
	}
}

// An accepted text must give what encoding/json gives for the members whose names fit exactly.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{`{"name":"a","NAME":1}`, `{"by_name":{"x":{"SHADE":"b"}}}`, `{"at":"2026-03-01t09:30:00z"}`, `{"inner":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var got sample
		if strictjson.Unmarshal(in, &got) != nil {
			return
		}
		var all map[string]json.RawMessage
		if json.Unmarshal(in, &all) != nil {
			return // null, for example
		}
		var name string
		_ = json.Unmarshal(all["name"], &name)
		if got.Name != name {
			t.Errorf("%q: the name is %q, want %q", in, got.Name, name)
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	text := []byte(`{"product_uuid":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","name":"Chair","product_category":"Furniture",` +
		`"discontinued":false,"created_at":"2026-03-01T09:30:00Z","updated_at":"2026-03-01T09:30:00Z","version":7}`)
	type data struct {
		Name         string    `json:"name"`
		Category     string    `json:"product_category"`
		Discontinued *bool     `json:"discontinued"`
		UpdatedAt    time.Time `json:"updated_at"`
	}
	for name, unmarshal := range map[string]func([]byte, any) error{"strict": strictjson.Unmarshal, "encoding-json": json.Unmarshal} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := unmarshal(text, new(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
