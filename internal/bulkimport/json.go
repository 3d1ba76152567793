package bulkimport

import (
	"bytes"
	"encoding/json"
	"errors"

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
		case value[0] == '{' || value[0] == '[':
			row.blame(name, "must be a string, a number, a boolean or null")
		case value[0] == '"':
			row.set(name, string(strictjson.Unquote(value)))
		case value[0] != 'n':
			row.fields[name] = string(value)
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
