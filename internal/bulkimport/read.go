package bulkimport

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format is the file format of the records.
type Format string

// The formats that Read understands.
const (
	CSV       Format = "csv"   // RFC 4180, with a header line that names the columns in any order
	JSON      Format = "json"  // one array of objects, or a sequence of objects
	JSONLines Format = "jsonl" // one object a line; a broken line does not affect the others
)

// FormatNamed returns the format with that name.
func FormatNamed(name string) (Format, error) {
	switch f := Format(name); f {
	case CSV, JSON, JSONLines:
		return f, nil
	default:
		return "", fmt.Errorf("unknown format %q: use %s, %s or %s", name, CSV, JSON, JSONLines)
	}
}

// FormatOf guesses the format from a file's name. The default is CSV.
func FormatOf(name string) Format {
	switch lower := strings.ToLower(name); {
	case strings.HasSuffix(lower, ".json"):
		return JSON
	case strings.HasSuffix(lower, ".jsonl"), strings.HasSuffix(lower, ".ndjson"):
		return JSONLines
	default:
		return CSV
	}
}

// Kind is the JSON type of the values of a column, as the API has it. A null or an absent member means that there is no value.
type Kind string

// The kinds of columns.
const (
	Text    Kind = "" // a string
	Boolean Kind = "boolean"
	Number  Kind = "number" // within the range of a double
)

// Column is one member of a record.
type Column struct {
	Name     string
	Required bool // the header (CSV) or the object (JSON) must have it
	Kind     Kind // of its values in JSON
}

// Read returns the records in a file, which it reads from its beginning whenever they are needed. Faults of form are reported
// together with the faults of the records.
func Read(source string, file io.ReadSeeker, format Format, columns []Column) (Input, error) {
	read := map[Format]func(*scanner, *lines, *bufio.Reader, []Column) error{CSV: readCSV, JSON: readJSON, JSONLines: readJSONLines}[format]
	if read == nil {
		_, err := FormatNamed(string(format))
		return Input{}, err
	}
	return Input{Source: source, unit: "line", scan: func(s *scanner) error {
		at, text, err := open(source, file)
		if err != nil {
			return err
		}
		if err := read(s, at, text, columns); err != nil {
			return fmt.Errorf("read %s: %w", source, err)
		}
		return nil
	}}, nil
}

// A function of a format returns an error only if the file cannot be read.
func readCSV(s *scanner, at *lines, text *bufio.Reader, columns []Column) error {
	reader := csv.NewReader(text)
	reader.FieldsPerRecord = -1 // a record of another length is a fault, but reading goes on
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		s.blame(1, "the input is empty: the first line must name the columns "+names(columns))
		return nil
	}
	if err != nil {
		return s.blameCSV(at, err)
	}
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	header = withoutBlankEnd(header) // spreadsheets add empty columns and rows
	if faults := headerFaults(header, columns); len(faults) > 0 {
		for _, f := range faults {
			s.fault(f)
		}
		return nil // without a valid header, the meaning of the lines is unknown
	}
	for {
		at.begin()
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.blameCSV(at, err) // quoting is broken: no later line can be trusted
		}
		line, _ := reader.FieldPos(0)
		if len(withoutBlankEnd(record)) == 0 {
			continue
		}
		if len(record) > len(header) && len(withoutBlankEnd(record)) <= len(header) {
			record = record[:len(header)]
		}
		if len(record) != len(header) {
			s.blame(line, fmt.Sprintf("has %d fields, the header has %d", len(record), len(header)))
			continue
		}
		row := Row{Line: line, fields: make(map[string]string, len(header))}
		for i, name := range header {
			row.set(name, record[i])
		}
		if !s.row(row) {
			return nil
		}
	}
}

// blameCSV tells the reason why the text is not CSV, or returns the error of the file.
func (s *scanner) blameCSV(at *lines, err error) error {
	if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
		s.blame(parse.Line, parse.Err.Error())
		return nil
	}
	return s.tooLong(at, err)
}

// tooLong tells that a record is too long, or returns the error of the file.
func (s *scanner) tooLong(at *lines, err error) error {
	if !errors.Is(err, errTooLong) && !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	s.blame(at.end(), tooLong)
	return nil
}

// withoutBlankEnd returns the fields up to the last one that is not blank.
func withoutBlankEnd(fields []string) []string {
	for len(fields) > 0 && strings.TrimSpace(fields[len(fields)-1]) == "" {
		fields = fields[:len(fields)-1]
	}
	return fields
}

func headerFaults(header []string, columns []Column) (faults []Fault) {
	blame := func(column, detail string) { faults = append(faults, Fault{Line: 1, Column: column, Detail: detail}) }
	for i, name := range header {
		switch {
		case name == "":
			blame(fmt.Sprintf("column %d", i+1), "has no name; the known columns are "+names(columns))
		case !known(name, columns):
			blame(name, "is not a known column; the known columns are "+names(columns))
		case slices.Contains(header[:i], name):
			blame(name, "is named twice")
		}
	}
	for _, c := range columns {
		if c.Required && !slices.Contains(header, c.Name) {
			blame(c.Name, "is missing")
		}
	}
	return faults
}

// set stores a value in the row. It adds a fault instead if PostgreSQL cannot store the value (H15 NUL in a text).
func (r *Row) set(column, value string) {
	switch {
	case !utf8.ValidString(value):
		r.blame(column, "is not valid UTF-8")
	case strings.ContainsRune(value, 0):
		r.blame(column, "contains a NUL character")
	default:
		r.fields[column] = value
	}
}

func known(name string, columns []Column) bool {
	return slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name })
}

func names(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}
