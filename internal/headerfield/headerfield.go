// Package headerfield reads the values of header fields (RFC 9110, section 5.6). A separator inside a quoted string does not
// separate.
package headerfield

import (
	"mime"
	"strconv"
	"strings"
)

// Split yields the parts of a text, without the space around them.
func Split(text string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, escaped, begin := false, false, 0
		for i := range len(text) + 1 {
			end := i == len(text)
			switch {
			case end || text[i] == separator && !quoted:
				if !yield(strings.TrimSpace(text[begin:i])) {
					return
				}
				begin = i + 1
			case escaped:
				escaped = false
			case quoted && text[i] == '\\':
				escaped = true
			case text[i] == '"':
				quoted = !quoted
			}
		}
	}
}

// List yields the elements of a list that is spread over several lines of a header. Empty elements do not count.
func List(lines []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for element := range Split(line, ',') {
				if element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// First returns the text before the first separator.
func First(text string, separator byte) string {
	for part := range Split(text, separator) {
		return part
	}
	return ""
}

// Unquote returns the content of a quoted string, and any other text unchanged.
func Unquote(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	var b strings.Builder
	escaped := false
	for _, r := range text[1 : len(text)-1] {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// Tags yields the members of a list of entity tags. Unlike a quoted string, a tag has no escapes: a backslash is a
// character of the tag.
func Tags(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted, begin := false, 0
		for i := range len(list) + 1 {
			switch {
			case i < len(list) && list[i] == '"':
				quoted = !quoted
			case i == len(list) || list[i] == ',' && !quoted:
				if tag := strings.TrimSpace(list[begin:i]); tag != "" && !yield(tag) {
					return
				}
				begin = i + 1
			}
		}
	}
}

// String returns the content of a structured string (RFC 9651, section 3.3.3). Its parameters are ignored.
func String(text string) (content string, ok bool) {
	rest, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			after := strings.TrimLeft(rest[i+1:], " ")
			return b.String(), after == "" || after[0] == ';'
		case c < ' ' || c > '~':
			return "", false
		case c == '\\':
			i++
			if i == len(rest) || rest[i] != '"' && rest[i] != '\\' {
				return "", false
			}
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// Quality returns the weight that a list such as Accept gives to a name, or 0 if the list does not have the name (RFC 9110,
// section 12.4.2). Wildcards do not count.
func Quality(lines []string, name string) float64 {
	for element := range List(lines) {
		named, params, err := mime.ParseMediaType(element)
		if err != nil || named != name {
			continue
		}
		q, given := params["q"]
		if !given {
			return 1
		}
		weight, err := strconv.ParseFloat(q, 64)
		if err != nil {
			return 0
		}
		return weight
	}
	return 0
}
