package bulkimport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
)

var columns = []bulkimport.Column{{Name: "code", Required: true}, {Name: "size", Kind: bulkimport.Number}}

// form runs an input through a model without rules. It returns the faults of its form, and the rows as "line code size".
func form(t *testing.T, in bulkimport.Input) (rows []string, faults string) {
	t.Helper()
	model := bulkimport.Model[string]{
		Name: "things", Columns: columns,
		Parse: func(r bulkimport.Row) (string, []apperr.FieldError) {
			return fmt.Sprintf("%d %s %s", r.Line, r.Get("code"), r.Get("size")), nil
		},
		Validate: func(string) error { return nil },
		Check:    noCheck[string],
		Write:    func(context.Context, string) (bulkimport.Outcome, error) { return bulkimport.Unchanged, nil },
	}
	_, err := model.Run(t.Context(), in, func(bulkimport.Progress) {})
	all, readErr := in.Rows()
	if readErr != nil {
		t.Fatal(readErr)
	}
	for _, r := range all {
		row, _ := model.Parse(r)
		rows = append(rows, row)
	}
	return rows, text(err)
}

const strict = "is not JSON that all parsers read in the same way: "

func TestRead(t *testing.T) {
	t.Parallel()
	const emptyJSON = "in:1: the input is empty: it must be an array of objects, or a sequence of objects"
	tests := map[string]struct {
		format bulkimport.Format
		in     string
		want   []string // "line code size", also of rows with faults
		faults string
	}{
		"CSV":              {bulkimport.CSV, "size,code\n1,a\n\n2,b\n", []string{"2 a 1", "4 b 2"}, ""},
		"CSVByteOrderMark": {bulkimport.CSV, "\xef\xbb\xbfcode\na\n", []string{"2 a "}, ""},
		"CSVCarriage":      {bulkimport.CSV, "code,size\r\na,1\r\n", []string{"2 a 1"}, ""},
		"CSVQuotedLines":   {bulkimport.CSV, "code,size\n\"a\nb\",1\nc,2\n", []string{"2 a\nb 1", "4 c 2"}, ""},
		"CSVEmpty":         {bulkimport.CSV, "", nil, "in:1: the input is empty: the first line must name the columns code, size"},
		"CSVHeaderOnly":    {bulkimport.CSV, "code\n", nil, ""},
		"CSVUnknownColumn": {bulkimport.CSV, "code,weight\n", nil, "in:1: weight: is not a known column; the known columns are code, size"},
		"CSVRepeated":      {bulkimport.CSV, "code,code\n", nil, "in:1: code: is named twice"},
		"CSVMissingColumn": {bulkimport.CSV, "size\n", nil, "in:1: code: is missing"},
		"CSVAllFaults": {bulkimport.CSV, "code,size\na\nb,\x00\nc,\xff\nd,1", []string{"3 b ", "4 c ", "5 d 1"},
			"in:2: has 1 fields, the header has 2\nin:3: size: contains a NUL character\nin:4: size: is not valid UTF-8"},
		"CSVBlankEnd":   {bulkimport.CSV, "code,size,,\na,1,,\nb,\nc,3, ,\n,,,\n \n", []string{"2 a 1", "3 b ", "4 c 3"}, ""},
		"CSVMoreFields": {bulkimport.CSV, "code,,\na,,x\nb,\n", []string{"3 b "}, "in:2: has 3 fields, the header has 1"},
		"CSVUnnamed":    {bulkimport.CSV, "code, ,size\n", nil, "in:1: column 2: has no name; the known columns are code, size"},
		"CSVEscapes": {bulkimport.CSV, "code,\x1b[2Jx\u202e\n", nil,
			`in:1: \u001b[2Jx\u202e: is not a known column; the known columns are code, size`},
		"CSVBrokenQuote": {bulkimport.CSV, "code\na\n\"b\n", []string{"2 a "}, "in:3: extraneous or missing \" in quoted-field"},

		"JSONArray":      {bulkimport.JSON, "[\n {\"code\": \"a\", \"size\": 1},\n {\"code\": \"b\", \"size\": null}]\n", []string{"2 a 1", "3 b "}, ""},
		"JSONSequence":   {bulkimport.JSON, "{\"code\":\"a\"}\n{\"code\":\n\"b\",\"size\":-3e2}\n", []string{"1 a ", "2 b -3e2"}, ""},
		"JSONMark":       {bulkimport.JSON, "\xef\xbb\xbf[{\"code\":\"\\u00e9\"}]", []string{"1 é "}, ""},
		"JSONEmpty":      {bulkimport.JSON, "", nil, emptyJSON},
		"JSONBlank":      {bulkimport.JSON, " \n", nil, emptyJSON},
		"JSONEmptyArray": {bulkimport.JSON, "[]", nil, ""},
		"JSONMissingAndUnknown": {bulkimport.JSON, "[{\"weight\":1}]", []string{"1  "},
			"in:1: weight: is not a known member; the known members are code, size\nin:1: code: is missing"},
		"JSONNested":      {bulkimport.JSON, "[{\"code\":{}}]", []string{"1  "}, "in:1: code: must be a string"},
		"JSONNotAnObject": {bulkimport.JSON, "[1,\n{\"code\":[]}]", []string{"2  "}, "in:1: a record must be a JSON object\nin:2: code: must be a string"},
		"JSONKinds": {bulkimport.JSON, `[{"code":1e400,"size":1e400},{"code":true,"size":"1"},{"code":"a","size":1e300}]`,
			[]string{"1  ", "1  ", "1 a 1e300"}, "in:1: code: must be a string\nin:1: size: is a number that is too large for a double\n" +
				"in:1: code: must be a string\nin:1: size: must be a number"},
		"JSONEscapes": {bulkimport.JSON, `[{"code":"a","\n\u001b[2J":1}]`, []string{"1 a "},
			`in:1: \u000a\u001b[2J: is not a known member; the known members are code, size`},
		"JSONGarbage":  {bulkimport.JSON, "[{\"code\":\"a\"},\nnonsense]", []string{"1 a "}, "in:2: is not JSON: invalid character 'o' in literal null (expecting 'u')"},
		"JSONTrailing": {bulkimport.JSON, "[{\"code\":\"a\"}]\nmore", []string{"1 a "}, "in:2: there is data after the last record"},
		"JSONOpen":     {bulkimport.JSON, "[{\"code\":\"a\"}", []string{"1 a "}, "in:1: the array is not closed"},
		"JSONTwoReadings": {bulkimport.JSON, "[{\"code\":\"a\",\"code\":\"b\"},\n{\"code\":\"\\ud800\"},\n{\"code\":\"\xff\"},\n{\"code\":\"\\u0000\"},\n{\"code\":\"good\"}]",
			[]string{"5 good "}, "in:1: " + strict + "the member \"code\" is repeated\nin:2: " + strict + "a string contains an unpaired surrogate\n" +
				"in:3: " + strict + "not UTF-8\nin:4: " + strict + "a string contains NUL"},

		"Lines":      {bulkimport.JSONLines, "{\"code\":\"a\"}\r\n\n{\"code\":\"b\",\"size\":2}", []string{"1 a ", "3 b 2"}, ""},
		"LinesEmpty": {bulkimport.JSONLines, "\n", nil, emptyJSON},
		"LinesFaults": {bulkimport.JSONLines, "[]\n{\"code\":\nnonsense\n{\"code\":\"a\"} {}\n{\"code\":\"b\"}", []string{"5 b "},
			"in:1: a record must be a JSON object\nin:2: " + strict + "the JSON ends too early\nin:3: a record must be a JSON object\n" +
				"in:4: " + strict + "there is data after the JSON value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := bulkimport.Read("in", strings.NewReader(tt.in), tt.format, columns)
			if err != nil {
				t.Fatal(err)
			}
			rows, faults := form(t, in)
			if faults != tt.faults {
				t.Errorf("faults\n%s\nwant\n%s", faults, tt.faults)
			}
			if strings.Join(rows, "|") != strings.Join(tt.want, "|") {
				t.Errorf("rows %q, want %q", rows, tt.want)
			}
			if unreadable := text(in.Unreadable()); len(tt.want) == 0 && unreadable != tt.faults || len(tt.want) > 0 && unreadable != "" {
				t.Errorf("without a row: %q", unreadable)
			}
		})
	}
}

// unreadable is a file on a disk that is broken.
type unreadable struct {
	io.Seeker
	err error
}

func (u unreadable) Read([]byte) (int, error) { return 0, u.err }

func TestReadFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for _, format := range []bulkimport.Format{bulkimport.CSV, bulkimport.JSON, bulkimport.JSONLines} {
		in, err := bulkimport.Read("in", unreadable{strings.NewReader(""), broken}, format, columns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Rows(); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", format, err)
		}
	}
	if _, err := bulkimport.Read("in", strings.NewReader(""), "xml", columns); err == nil || !strings.Contains(err.Error(), "xml") {
		t.Errorf("got %v", err)
	}
}

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bulkimport.Format{
		"a.csv": bulkimport.CSV, "a.json": bulkimport.JSON, "A.JSON": bulkimport.JSON, "a.jsonl": bulkimport.JSONLines,
		"a.ndjson": bulkimport.JSONLines, "json": bulkimport.CSV, "standard input": bulkimport.CSV,
	} {
		if got := bulkimport.FormatOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("code,size\na,1\n", "[{\"code\":\"a\"}]", "{\"code\":\"a\"}\n")
	f.Fuzz(func(t *testing.T, csv, json, lines string) {
		for format, text := range map[bulkimport.Format]string{bulkimport.CSV: csv, bulkimport.JSON: json, bulkimport.JSONLines: lines} {
			in, err := bulkimport.Read("in", strings.NewReader(text), format, columns)
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			rows, err := in.Rows()
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			for _, r := range rows {
				if r.Line < 1 || r.Line > strings.Count(text, "\n")+1 {
					t.Fatalf("%s: line %d of %d", format, r.Line, strings.Count(text, "\n")+1)
				}
			}
		}
	})
}
