package bulkimport

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// space is what JSON allows between values (RFC 8259, section 2).
const space = " \t\r\n"

const emptyJSON = "the input is empty: it must be an array of objects, or a sequence of objects"

// readJSON reads the input value by value, so that it knows the line on which each record begins. encoding/json finds
// where a value ends; strictjson decides what a value may contain.
func readJSON(in *Input, text []byte, columns []Column) {
	head := bytes.TrimLeft(text, space)
	if len(head) == 0 {
		in.blame(1, "", emptyJSON)
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	inArray := head[0] == '['
	if inArray {
		_, _ = decoder.Token() // the opening bracket
	}
	lines := lineCounter{text: text}
	for decoder.More() {
		start := int(decoder.InputOffset())
		start += len(text[start:]) - len(bytes.TrimLeft(text[start:], space+","))
		line := lines.at(start)
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			in.blame(line, "", "is not JSON: "+err.Error())
			return
		}
		in.addObject(line, raw, columns)
	}
	if inArray {
		if _, err := decoder.Token(); err != nil {
			in.blame(lines.at(len(text)), "", "the array is not closed")
			return
		}
	}
	if rest := bytes.TrimLeft(text[decoder.InputOffset():], space); len(rest) > 0 {
		in.blame(lines.at(len(text)-len(rest)), "", "there is data after the last record")
	}
}

func readJSONLines(in *Input, text []byte, columns []Column) {
	if len(bytes.TrimLeft(text, space)) == 0 {
		in.blame(1, "", emptyJSON)
		return
	}
	line := 0
	for raw := range bytes.Lines(text) {
		line++
		if raw = bytes.Trim(raw, space); len(raw) > 0 {
			in.addObject(line, raw, columns)
		}
	}
}

// addObject adds the record in raw, or the fault because of which raw is not a record.
func (in *Input) addObject(line int, raw []byte, columns []Column) {
	if raw[0] != '{' {
		in.blame(line, "", "a record must be a JSON object")
		return
	}
	row := Row{Line: line, fields: map[string]string{}}
	given := map[string]bool{}
	err := strictjson.Object(raw, func(member, value []byte) {
		name := string(member)
		given[name] = true
		switch {
		case !known(name, columns):
			row.blame(name, "is not a known member; the known members are "+names(columns))
		default:
			row.setJSON(name, value, kindOf(name, columns))
		}
	})
	if strict := (*strictjson.Error)(nil); errors.As(err, &strict) {
		in.blame(line, "", "is not JSON that all parsers read in the same way: "+strict.Reason)
		return
	}
	for _, c := range columns {
		if c.Required && !given[c.Name] {
			row.blame(c.Name, "is missing")
		}
	}
	in.Rows = append(in.Rows, row)
}

// setJSON stores a value of the kind in the row, or adds the fault because of which it has another kind. The rules are those of
// the API: a name is a string, never a number.
func (r *Row) setJSON(name string, value []byte, kind Kind) {
	first := value[0]
	switch {
	case first == 'n':
	case kind == Text && first == '"':
		r.set(name, string(strictjson.Unquote(value)))
	case kind == Text:
		r.blame(name, "must be a string")
	case kind == Boolean && (first == 't' || first == 'f'):
		r.fields[name] = string(value)
	case kind == Boolean:
		r.blame(name, "must be true or false")
	case first != '-' && (first < '0' || first > '9'):
		r.blame(name, "must be a number")
	case strictjson.Check(value) != nil:
		r.blame(name, "is a number that is too large for a double")
	default:
		r.fields[name] = string(value)
	}
}

func kindOf(name string, columns []Column) Kind {
	return columns[slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })].Kind
}

// lineCounter turns offsets into line numbers. Each offset must be at least as large as the one before.
type lineCounter struct {
	text       []byte
	seen, line int
}

func (c *lineCounter) at(offset int) int {
	c.line += bytes.Count(c.text[c.seen:offset], []byte("\n"))
	c.seen = offset
	return c.line + 1
}
