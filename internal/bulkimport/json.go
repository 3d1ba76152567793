package bulkimport

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// space is what JSON allows between values (RFC 8259, section 2).
const space = " \t\r\n"

const emptyJSON = "the input is empty: it must be an array of objects, or a sequence of objects"

// readJSON reads the input value by value, so that it knows the line on which each record begins. encoding/json finds
// where a value ends; strictjson decides what a value may contain.
func readJSON(s *scanner, at *lines, text *bufio.Reader, columns []Column) error {
	head, err := skipSpace(text)
	if errors.Is(err, io.EOF) {
		s.blame(1, emptyJSON)
		return nil
	} else if err != nil {
		return s.tooLong(at, err)
	}
	skipped := at.read - int64(text.Buffered())
	decoder := json.NewDecoder(text)
	lineAt := func(offset int64) int { return at.at(skipped + offset) }
	inArray := head == '['
	if inArray {
		_, _ = decoder.Token() // the opening bracket
	}
	for decoder.More() {
		at.begin()
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return s.blameJSON(at, lineAt, err)
		}
		if !s.object(lineAt(decoder.InputOffset()-int64(len(raw))), raw, columns) {
			return nil
		}
	}
	if inArray {
		if _, err := decoder.Token(); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				s.blame(at.end(), "the array is not closed")
				return nil
			}
			return s.blameJSON(at, lineAt, err)
		}
	}
	rest := bufio.NewReader(io.MultiReader(decoder.Buffered(), text))
	before := decoder.InputOffset()
	for at.begin(); ; before++ {
		switch c, err := rest.ReadByte(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return s.tooLong(at, err)
		case !strings.ContainsRune(space, rune(c)):
			s.blame(lineAt(before), "there is data after the last record")
			return nil
		}
	}
}

// blameJSON tells the reason why the text is not JSON, or returns the error of the file.
func (s *scanner) blameJSON(at *lines, lineAt func(int64) int, err error) error {
	switch syntax := (*json.SyntaxError)(nil); {
	case errors.As(err, &syntax):
		s.blame(lineAt(syntax.Offset), "is not JSON: "+err.Error())
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.blame(at.end(), "is not JSON: "+err.Error())
		return nil
	default:
		return s.tooLong(at, err)
	}
}

// skipSpace returns the first character that is not space, which stays unread.
func skipSpace(text *bufio.Reader) (byte, error) {
	for {
		c, err := text.ReadByte()
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(space, rune(c)) {
			return c, text.UnreadByte()
		}
	}
}

func readJSONLines(s *scanner, at *lines, text *bufio.Reader, columns []Column) error {
	one := bufio.NewScanner(text)
	one.Buffer(nil, maxRecord)
	line, empty := 0, true
	for at.begin(); one.Scan(); at.begin() {
		line++
		raw := bytes.Trim(one.Bytes(), space)
		if len(raw) == 0 {
			continue
		}
		if empty = false; !s.object(line, raw, columns) {
			return nil
		}
	}
	if err := one.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) || errors.Is(err, errTooLong) {
			s.blame(line+1, tooLong)
			return nil
		}
		return err
	}
	if empty {
		s.blame(1, emptyJSON)
	}
	return nil
}

// object tells the record in raw, or the fault because of which raw is not a record.
func (s *scanner) object(line int, raw []byte, columns []Column) (more bool) {
	if raw[0] != '{' {
		s.blame(line, "a record must be a JSON object")
		return true
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
		s.blame(line, "is not JSON that all parsers read in the same way: "+strict.Reason)
		return true
	}
	for _, c := range columns {
		if c.Required && !given[c.Name] {
			row.blame(c.Name, "is missing")
		}
	}
	return s.row(row)
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
