package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/strictjson"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, fault string }{
		"Object":           {` {"a": [1, -0.5e+3, "x\né😀", true, null, {}], "b": []} `, ""},
		"Scalar":           {`"x"`, ""},
		"NUL":              {`"\u0000"`, ""},
		"Pair":             {`"\ud83d\ude00"`, ""},
		"DeepEnough":       {strings.Repeat("[", 32) + strings.Repeat("]", 32), ""},
		"Empty":            {``, "ends too early"},
		"Open":             {`{"a":1`, "ends too early"},
		"Trailing":         {`{} {}`, "data after the JSON value"},
		"Repeated":         {`{"a":1,"a":2}`, `"a" is repeated`},
		"RepeatedEscaped":  {`{"a":1,"\u0061":2}`, `"a" is repeated`},
		"TooDeep":          {strings.Repeat("[", 33) + strings.Repeat("]", 33), "is nested deeper"},
		"EndlessNesting":   {strings.Repeat(`{"a":`, 100_000), "is nested deeper"},
		"InvalidUTF8":      {"\"\xff\"", "not UTF-8"},
		"HighSurrogate":    {`"\ud83d"`, "unpaired"},
		"LowSurrogate":     {`"\ude00"`, "unpaired"},
		"RawControl":       {"\"\x01\"", "U+0001"},
		"LeadingZero":      {`01`, "data after the JSON value"},
		"NoDigits":         {`[1.]`, "fraction"},
		"LargeEnough":      {`[1e308, -1e-999]`, ""},
		"TooLarge":         {`[{"a":1e999}]`, "too large for a double"},
		"TooManyDigits":    {"-" + strings.Repeat("9", 400), "too large for a double"},
		"BareWord":         {`{a:1}`, "name is missing"},
		"TrailingComma":    {`[1,]`, "a JSON value cannot begin"},
		"SingleQuotes":     {`'a'`, "a JSON value cannot begin"},
		"CutOffLiteral":    {`tru`, "expected true"},
		"UnknownEscape":    {`"\x"`, "not a valid escape"},
		"StringWithoutEnd": {`"a`, "has no end"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := strictjson.Check([]byte(tt.in))
			if (err != nil) != (tt.fault != "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
		})
	}
}

func TestObjectRefusesNUL(t *testing.T) {
	t.Parallel()
	if err := strictjson.Object([]byte(`{"a":{"b":"\u0000"}}`), nil); err == nil {
		t.Error("accepted")
	}
}

// encoding/json must read every accepted text, and no text may make the reader panic.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x\u00e9"]}`, `"\ud83d\ude00"`, `[[[]]]`, `-1e9`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if strictjson.Check(in) == nil && !json.Valid(in) {
			t.Errorf("%q is accepted but is not JSON", in)
		}
	})
}
