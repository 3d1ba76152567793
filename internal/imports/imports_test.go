package imports_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/imports"
)

var columns = []imports.Column{{Name: "code", Required: true}, {Name: "size"}}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		format imports.Format
		in     string
		want   []string // "line code size"
		faults string
	}{
		"CSV":                   {imports.CSV, "size,code\n1,a\n\n2,b\n", []string{"2 a 1", "4 b 2"}, ""},
		"CSVByteOrderMark":      {imports.CSV, "\xef\xbb\xbfcode\na\n", []string{"2 a "}, ""},
		"CSVQuotedLines":        {imports.CSV, "code,size\n\"a\nb\",1\nc,2\n", []string{"2 a\nb 1", "4 c 2"}, ""},
		"CSVEmpty":              {imports.CSV, "", nil, "in:1: the input is empty: the first line has to name the columns code, size"},
		"CSVHeaderOnly":         {imports.CSV, "code\n", nil, ""},
		"CSVUnknownColumn":      {imports.CSV, "code,colour\n", nil, "in:1: colour: unknown column; known are code, size"},
		"CSVRepeatedColumn":     {imports.CSV, "code,code\n", nil, "in:1: code: the column is named twice"},
		"CSVMissingColumn":      {imports.CSV, "size\n", nil, "in:1: code: the column is missing"},
		"CSVAllFaults":          {imports.CSV, "code,size\na\nb,\x00\nc,\xff\n", nil, "in:2: has 1 fields, the header has 2\nin:3: size: contains a NUL character\nin:4: size: is not valid UTF-8"},
		"CSVBrokenQuote":        {imports.CSV, "code\n\"a\n", nil, "in:2: extraneous or missing \" in quoted-field"},
		"JSONArray":             {imports.JSON, "[\n {\"code\": \"a\", \"size\": 1},\n {\"code\": \"b\", \"size\": null}]\n", []string{"2 a 1", "3 b "}, ""},
		"JSONLines":             {imports.JSON, "{\"code\":\"a\"}\n{\"code\":\"b\",\"size\":true}\n", []string{"1 a ", "2 b true"}, ""},
		"JSONEmptyArray":        {imports.JSON, "[]", nil, ""},
		"JSONMissingAndUnknown": {imports.JSON, "[{\"colour\":1}]", nil, "in:1: code: is missing\nin:1: colour: unknown member; known are code, size"},
		"JSONNested":            {imports.JSON, "[{\"code\":{}}]", nil, "in:1: code: has to be a string, a number, a boolean or null"},
		"JSONNoObject":          {imports.JSON, "[1,\n{\"code\":[]}]", nil, "in:1: a record has to be a JSON object\nin:2: code: has to be a string, a number, a boolean or null"},
		"JSONGarbage":           {imports.JSON, "[{\"code\":\"a\"},\nnonsense]", nil, "in:2: not JSON: invalid character 'o' in literal null (expecting 'u')"},
		"JSONTrailing":          {imports.JSON, "[{\"code\":\"a\"}]\nmore", nil, "in:2: there is more after the last record"},
		"JSONOpen":              {imports.JSON, "[{\"code\":\"a\"}", nil, "in:1: the array is not closed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := imports.Read("in", strings.NewReader(tt.in), tt.format, columns)
			if got := text(err); got != tt.faults {
				t.Fatalf("faults\n%s\nwant\n%s", got, tt.faults)
			}
			if err != nil {
				return
			}
			var got []string
			for _, r := range rows {
				got = append(got, fmt.Sprintf("%d %s %s", r.Line, r.Get("code"), r.Get("size")))
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("rows %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("code,size\na,1\n", "[{\"code\":\"a\"}]")
	f.Fuzz(func(t *testing.T, csv, json string) {
		for format, in := range map[imports.Format]string{imports.CSV: csv, imports.JSON: json} {
			rows, err := imports.Read("in", strings.NewReader(in), format, columns)
			if faults := (*imports.Faults)(nil); err != nil && !errors.As(err, &faults) {
				t.Fatalf("%s: %v does not blame the input", format, err)
			}
			for _, r := range rows {
				if r.Line < 1 || r.Line > strings.Count(in, "\n")+1 {
					t.Fatalf("%s: line %d of %d", format, r.Line, strings.Count(in, "\n")+1)
				}
			}
		}
	})
}

func TestRun(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	tests := map[string]struct {
		in      string
		stored  map[string]string
		want    string
		err     string
		written int
	}{
		"CountsWhatHappened":   {in: "new,1\nsame,1\nother,2", stored: map[string]string{"same": "1", "other": "1"}, want: "things: 1 created, 1 updated, 1 unchanged", written: 2},
		"ChecksBeforeWriting":  {in: "a,1\nbad,1\nalso bad,2\n,", want: "things: 0 created, 0 updated, 0 unchanged", err: "in:3: code: must be good\nin:4: code: must be good"},
		"ParsesBeforeChecking": {in: "bad,1\na,x", want: "", err: "in:3: size: is no number"},
		"RefusedAlone":         {in: "a,1\nrefused,1\nb,1", want: "things: 2 created, 0 updated, 0 unchanged", err: "in:3: it contradicts", written: 2},
		"StopsWhenAway":        {in: "away,1", want: "things: 0 created, 0 updated, 0 unchanged", err: "import stopped after 0 of 1 things; run it again to go on: in:2: the database is away"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			stored, written := map[string]string{}, 0
			for k, v := range tt.stored {
				stored[k] = v
			}
			model := imports.Model[[2]string]{
				Name:    "things",
				Columns: columns,
				Parse: func(r imports.Row) ([2]string, []apperr.FieldError) {
					if r.Get("size") == "x" {
						return [2]string{}, []apperr.FieldError{{Pointer: "/size", Detail: "is no number"}}
					}
					return [2]string{r.Get("code"), r.Get("size")}, nil
				},
				Check: func(_ context.Context, values [][2]string) (map[int]error, error) {
					bad := map[int]error{}
					for i, v := range values {
						if strings.Contains(v[0], "bad") {
							bad[i] = apperr.InvalidFields("bad", apperr.FieldError{Pointer: "/code", Detail: "must be good"})
						}
					}
					return bad, nil
				},
				Write: func(_ context.Context, v [2]string) (imports.Outcome, error) {
					mu.Lock()
					defer mu.Unlock()
					old, had := stored[v[0]]
					switch {
					case v[0] == "refused":
						return 0, apperr.New(apperr.Conflict, "it contradicts")
					case v[0] == "away":
						return 0, away
					case had && old == v[1]:
						return imports.Unchanged, nil
					}
					stored[v[0]] = v[1]
					written++
					if had {
						return imports.Updated, nil
					}
					return imports.Created, nil
				},
			}
			rows, err := imports.Read("in", strings.NewReader("code,size\n"+tt.in), imports.CSV, columns)
			if err != nil {
				t.Fatal(err)
			}
			records, err := model.ParseAll("in", rows)
			var summary imports.Summary
			if err == nil {
				summary, err = model.Run(t.Context(), "in", records, func(int, int) {})
			}
			if got := text(err); got != tt.err {
				t.Errorf("error\n%s\nwant\n%s", got, tt.err)
			}
			if tt.want != "" && summary.String() != tt.want {
				t.Errorf("summary %q, want %q", summary, tt.want)
			}
			if written != tt.written {
				t.Errorf("%d records written, want %d", written, tt.written)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
