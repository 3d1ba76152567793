package imports

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is how the records are written.
type Format string

// The formats that Read understands.
const (
	CSV  Format = "csv"  // RFC 4180, with a header line that names the columns in any order
	JSON Format = "json" // one array of objects, or objects one after the other (as in NDJSON)
)

// FormatOf guesses the format from a file's name, CSV being the default.
func FormatOf(name string) Format {
	if lower := strings.ToLower(name); strings.HasSuffix(lower, ".json") || strings.HasSuffix(lower, ".ndjson") {
		return JSON
	}
	return CSV
}

// Column is one member of a record.
type Column struct {
	Name     string
	Required bool // the header (CSV) or the object (JSON) must have it
}

// Row is one record as text. A JSON null, an absent member and an empty CSV field are all the empty string.
type Row struct {
	Line   int
	fields map[string]string
}

// Get returns the value of a column, or the empty string.
func (r Row) Get(column string) string { return r.fields[column] }

// Read parses the whole input. The error is a *Faults when the input is at fault, and lists all that could be found.
func Read(source string, in io.Reader, format Format, columns []Column) ([]Row, error) {
	in = skipByteOrderMark(in)
	switch format {
	case CSV:
		return readCSV(source, in, columns)
	case JSON:
		return readJSON(source, in, columns)
	default:
		return nil, fmt.Errorf("unknown format %q: use %s or %s", format, CSV, JSON)
	}
}

func skipByteOrderMark(in io.Reader) io.Reader {
	buffered := bufio.NewReader(in)
	if head, err := buffered.Peek(3); err == nil && bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3) // cannot fail: the bytes were just peeked
	}
	return buffered
}

func readCSV(source string, in io.Reader, columns []Column) ([]Row, error) {
	faults := &Faults{Source: source}
	reader := csv.NewReader(in)
	reader.FieldsPerRecord = -1 // a record of another length is one fault, not the end
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		faults.List = append(faults.List, Fault{Line: 1, Detail: "the input is empty: the first line has to name the columns " + names(columns)})
		return nil, faults
	}
	if err != nil {
		return nil, csvFault(faults, err)
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	faults.List = append(faults.List, headerFaults(header, columns)...)
	if len(faults.List) > 0 {
		return nil, faults
	}
	var rows []Row
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return rows, faults.orNil()
		}
		if err != nil {
			return nil, csvFault(faults, err) // quoting is broken: no later line can be trusted
		}
		line, _ := reader.FieldPos(0)
		if len(record) != len(header) {
			faults.List = append(faults.List, Fault{Line: line,
				Detail: fmt.Sprintf("has %d fields, the header has %d", len(record), len(header))})
			continue
		}
		row := Row{Line: line, fields: make(map[string]string, len(header))}
		for i, name := range header {
			faults.List = append(faults.List, textFaults(line, name, record[i])...)
			row.fields[name] = record[i]
		}
		rows = append(rows, row)
	}
}

func csvFault(faults *Faults, err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read %s: %w", faults.Source, err)
	}
	faults.List = append(faults.List, Fault{Line: parse.Line, Detail: parse.Err.Error()})
	return faults
}

func headerFaults(header []string, columns []Column) (faults []Fault) {
	for i, name := range header {
		switch {
		case !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name }):
			faults = append(faults, Fault{Line: 1, Column: name, Detail: "unknown column; known are " + names(columns)})
		case slices.Contains(header[:i], name):
			faults = append(faults, Fault{Line: 1, Column: name, Detail: "the column is named twice"})
		}
	}
	for _, c := range columns {
		if c.Required && !slices.Contains(header, c.Name) {
			faults = append(faults, Fault{Line: 1, Column: c.Name, Detail: "the column is missing"})
		}
	}
	return faults
}

// space is what JSON allows between values (RFC 8259, section 2).
const space = " \t\r\n"

// readJSON walks the input value by value, so that each record is known by the line on which it begins.
func readJSON(source string, in io.Reader, columns []Column) ([]Row, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", source, err)
	}
	faults := &Faults{Source: source}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	inArray := bytes.HasPrefix(bytes.TrimLeft(text, space), []byte("["))
	if inArray {
		_, _ = decoder.Token() // the bracket that was just seen
	}
	lines := lineCounter{text: text}
	var rows []Row
	for decoder.More() {
		start := int(decoder.InputOffset())
		start += len(text[start:]) - len(bytes.TrimLeft(text[start:], space+","))
		line := lines.at(start)
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			var wrongType *json.UnmarshalTypeError
			if !errors.As(err, &wrongType) {
				faults.List = append(faults.List, Fault{Line: line, Detail: "not JSON: " + err.Error()})
				return nil, faults
			}
			faults.List = append(faults.List, Fault{Line: line, Detail: "a record has to be a JSON object"})
			continue
		}
		row, bad := objectRow(line, object, columns)
		faults.List = append(faults.List, bad...)
		rows = append(rows, row)
	}
	if inArray {
		if _, err := decoder.Token(); err != nil {
			faults.List = append(faults.List, Fault{Line: lines.at(len(text)), Detail: "the array is not closed"})
			return nil, faults
		}
	}
	if rest := bytes.TrimLeft(text[decoder.InputOffset():], space); len(rest) > 0 {
		faults.List = append(faults.List, Fault{Line: lines.at(len(text) - len(rest)), Detail: "there is more after the last record"})
	}
	return rows, faults.orNil()
}

func objectRow(line int, object map[string]any, columns []Column) (Row, []Fault) {
	row := Row{Line: line, fields: make(map[string]string, len(object))}
	var faults []Fault
	for name, value := range object {
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name }) {
			faults = append(faults, Fault{Line: line, Column: name, Detail: "unknown member; known are " + names(columns)})
			continue
		}
		switch v := value.(type) {
		case nil:
		case string:
			faults = append(faults, textFaults(line, name, v)...)
			row.fields[name] = v
		case bool, json.Number:
			row.fields[name] = fmt.Sprint(v)
		default:
			faults = append(faults, Fault{Line: line, Column: name, Detail: "has to be a string, a number, a boolean or null"})
		}
	}
	for _, c := range columns {
		if _, ok := object[c.Name]; c.Required && !ok {
			faults = append(faults, Fault{Line: line, Column: c.Name, Detail: "is missing"})
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return strings.Compare(a.Column, b.Column) })
	return row, faults
}

// textFaults finds what PostgreSQL could not store.
func textFaults(line int, column, value string) []Fault {
	switch {
	case !utf8.ValidString(value):
		return []Fault{{Line: line, Column: column, Detail: "is not valid UTF-8"}}
	case strings.ContainsRune(value, 0):
		return []Fault{{Line: line, Column: column, Detail: "contains a NUL character"}}
	}
	return nil
}

// lineCounter turns ever greater offsets into line numbers.
type lineCounter struct {
	text       []byte
	seen, line int
}

func (c *lineCounter) at(offset int) int {
	c.line += bytes.Count(c.text[c.seen:offset], []byte("\n"))
	c.seen = offset
	return c.line + 1
}

func names(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}
