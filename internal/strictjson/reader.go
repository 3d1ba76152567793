package strictjson

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// reader parses b without copying it.
type reader struct {
	b        []byte
	i        int
	allowNUL bool
	bounded  bool // numbers must fit into a double
	// names are the names of the members of all open objects. The outermost object comes first.
	names [][]byte

	into  *plan  // what the text is read into
	known bool   // refuse members that it does not have
	exact []byte // the text, changed so that encoding/json reads it exactly; nil as long as nothing needs a change
}

// text reads the whole text.
func (r *reader) text() error {
	if !utf8.Valid(r.b) {
		return &Error{Reason: "not UTF-8"}
	}
	r.space()
	if err := r.value(0, r.into); err != nil {
		return err
	}
	return r.end()
}

func (r *reader) fault(format string, args ...any) error {
	return &Error{Offset: r.i, Reason: fmt.Sprintf(format, args...)}
}

func (r *reader) end() error {
	if r.space(); r.i < len(r.b) {
		return r.fault("there is data after the JSON value")
	}
	return nil
}

func (r *reader) space() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

func (r *reader) value(depth int, into *plan) error {
	if r.i >= len(r.b) {
		return r.fault("the JSON ends too early")
	}
	switch c := r.b[r.i]; {
	case c == '{':
		return r.object(depth+1, into, nil)
	case c == '[':
		return r.array(depth+1, into.elements())
	case c == '"':
		from := r.i
		err := r.str()
		if err == nil && into != nil && into.time {
			r.raise(from, r.i)
		}
		return err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c == 't':
		return r.literal("true")
	case c == 'f':
		return r.literal("false")
	case c == 'n':
		return r.literal("null")
	}
	return r.fault("a JSON value cannot begin with %q", r.b[r.i])
}

func (r *reader) literal(s string) error {
	if !bytes.HasPrefix(r.b[r.i:], []byte(s)) {
		return r.fault("expected %s", s)
	}
	r.i += len(s)
	return nil
}

func (r *reader) object(depth int, into *plan, member func(name, raw []byte)) error {
	if depth > MaxDepth {
		return r.fault("the JSON is nested deeper than %d levels", MaxDepth)
	}
	base := len(r.names)
	defer func() { r.names = r.names[:base] }()
	var many map[string]bool // the names, once there are too many to compare one by one
	r.i++
	for first := true; ; first = false {
		if r.space(); r.i < len(r.b) && r.b[r.i] == '}' && first {
			r.i++
			return nil
		}
		if r.i >= len(r.b) || r.b[r.i] != '"' {
			return r.fault("a member's name is missing")
		}
		at := r.i
		if err := r.str(); err != nil {
			return err
		}
		name := Unquote(r.b[at:r.i])
		if err := r.remember(base, name, &many); err != nil {
			return err
		}
		inner, has := into.member(name)
		if !has && r.known {
			return r.fault("the member %q is unknown", shorten(name))
		}
		if !has && into.resembles(name) {
			r.hide(at, r.i)
		}
		if r.space(); r.i >= len(r.b) || r.b[r.i] != ':' {
			return r.fault("a colon is missing")
		}
		r.i++
		r.space()
		at = r.i
		if err := r.value(depth, inner); err != nil {
			return err
		}
		if member != nil {
			member(name, r.b[at:r.i:r.i])
		}
		if r.space(); r.i >= len(r.b) {
			return r.fault("the JSON ends too early")
		}
		switch r.b[r.i] {
		case ',':
			r.i++
		case '}':
			r.i++
			return nil
		default:
			return r.fault("a comma or } is missing")
		}
	}
}

// remember stores a name, and refuses one that its object already has.
func (r *reader) remember(base int, name []byte, many *map[string]bool) error {
	const few = 16
	names := r.names[base:]
	if len(names) < few {
		for _, other := range names {
			if bytes.Equal(other, name) {
				return r.fault("the member %q is repeated", shorten(name))
			}
		}
		r.names = append(r.names, name)
		return nil
	}
	if *many == nil {
		*many = make(map[string]bool)
		for _, other := range names {
			(*many)[string(other)] = true
		}
	}
	if (*many)[string(name)] {
		return r.fault("the member %q is repeated", shorten(name))
	}
	(*many)[string(name)] = true
	return nil
}

func (r *reader) array(depth int, element *plan) error {
	if depth > MaxDepth {
		return r.fault("the JSON is nested deeper than %d levels", MaxDepth)
	}
	r.i++
	if r.space(); r.i < len(r.b) && r.b[r.i] == ']' {
		r.i++
		return nil
	}
	for {
		r.space()
		if err := r.value(depth, element); err != nil {
			return err
		}
		if r.space(); r.i >= len(r.b) {
			return r.fault("the JSON ends too early")
		}
		switch r.b[r.i] {
		case ',':
			r.i++
		case ']':
			r.i++
			return nil
		default:
			return r.fault("a comma or ] is missing")
		}
	}
}

// number follows RFC 8259, section 6.
func (r *reader) number() error {
	from := r.i
	if r.b[r.i] == '-' {
		r.i++
	}
	if r.i < len(r.b) && r.b[r.i] == '0' {
		r.i++
	} else if !r.digits() {
		return r.fault("a number has no digits")
	}
	if r.i < len(r.b) && r.b[r.i] == '.' {
		r.i++
		if !r.digits() {
			return r.fault("a fraction has no digits")
		}
	}
	if r.i < len(r.b) && (r.b[r.i] == 'e' || r.b[r.i] == 'E') {
		r.i++
		if r.i < len(r.b) && (r.b[r.i] == '+' || r.b[r.i] == '-') {
			r.i++
		}
		if !r.digits() {
			return r.fault("an exponent has no digits")
		}
	}
	return r.fits(r.b[from:r.i])
}

// fits refuses a number that is too large for a double, because encoding/json fails to decode it into any.
func (r *reader) fits(number []byte) error {
	const safe = 300 // digits; a number with fewer digits and no exponent always fits
	if !r.bounded || len(number) < safe && !bytes.ContainsAny(number, "eE") {
		return nil
	}
	if _, err := strconv.ParseFloat(string(number), 64); err != nil {
		return r.fault("a number is too large for a double")
	}
	return nil
}

func (r *reader) digits() bool {
	from := r.i
	for r.i < len(r.b) && r.b[r.i] >= '0' && r.b[r.i] <= '9' {
		r.i++
	}
	return r.i > from
}

// str reads a string, and leaves r.i after its last quote.
func (r *reader) str() error {
	for r.i++; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			r.i++
			return nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return err
			}
		case c < ' ':
			return r.fault("a string contains the character %U", c)
		}
	}
	return r.fault("a string has no end")
}

// escape reads an escape and leaves r.i on its last byte.
func (r *reader) escape() error {
	r.i++
	if r.i >= len(r.b) {
		return r.fault("a string has no end")
	}
	switch r.b[r.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return r.fault("\\%c is not a valid escape", r.b[r.i])
	}
	c, ok := r.hex(r.i + 1)
	if !ok {
		return r.fault("\\u needs four hexadecimal digits")
	}
	r.i += 4
	switch {
	case c == 0 && !r.allowNUL:
		return r.fault("a string contains NUL")
	case c >= 0xdc00 && c < 0xe000:
		return r.fault("a string contains an unpaired surrogate")
	case c < 0xd800 || c >= 0xe000:
		return nil
	}
	if !bytes.HasPrefix(r.b[r.i+1:], []byte(`\u`)) {
		return r.fault("a string contains an unpaired surrogate")
	}
	if low, ok := r.hex(r.i + 3); !ok || low < 0xdc00 || low >= 0xe000 {
		return r.fault("a string contains an unpaired surrogate")
	}
	r.i += 6
	return nil
}

func (r *reader) hex(at int) (rune, bool) {
	if at+4 > len(r.b) {
		return 0, false
	}
	var v rune
	for _, c := range r.b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			v = v<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			v = v<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// shorten limits the length of a name in a reason.
func shorten(raw []byte) string {
	const most = 40
	if len(raw) > most {
		return string(bytes.ToValidUTF8(raw[:most], nil)) + "…"
	}
	return string(raw)
}
