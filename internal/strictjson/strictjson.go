// Package strictjson checks and decodes JSON that comes from outside. It accepts only JSON that means the same to every
// reader.
//
// encoding/json is not strict enough. It accepts repeated members, data after the value and unlimited nesting, it replaces
// invalid UTF-8 and unpaired surrogates, and it takes "NAME" for the member "name". So one reader could check a value and
// the next reader could read another. A test in internal/archtest names the few places that may use encoding/json directly.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxDepth limits nesting, so that a megabyte of brackets cannot exhaust the stack of a recursive reader.
const MaxDepth = 32

// Error describes why a text is not acceptable, and the place of the fault.
type Error struct {
	Offset int // in bytes
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// Check returns an *Error unless text is one JSON value (RFC 8259) in UTF-8. The value must have no repeated member, no
// unpaired surrogate and no number that is too large for a double (I-JSON, RFC 7493). It must not nest deeper than MaxDepth.
func Check(text []byte) error {
	var names [32][]byte
	r := reader{b: text, allowNUL: true, bounded: true, names: names[:0]}
	return r.text()
}

// Object is like Check, with two differences: text must be an object, and it must not contain NUL, which PostgreSQL cannot
// store (H15 NUL in a text). Numbers are not limited to the range of a double. Object calls member for each member of the
// object, up to the first fault, with the unquoted name and the raw value.
func Object(text []byte, member func(name, raw []byte)) error {
	var names [32][]byte
	r := reader{b: text, names: names[:0]}
	return r.members(member)
}

// Members is like Check, but text must be an object. Members calls member for each member of the object, up to the first fault,
// with the unquoted name and the raw value.
func Members(text []byte, member func(name, raw []byte)) error {
	var names [32][]byte
	r := reader{b: text, allowNUL: true, bounded: true, names: names[:0]}
	return r.members(member)
}

// members reads a text that must be an object.
func (r *reader) members(member func(name, raw []byte)) error {
	if !utf8.Valid(r.b) {
		return &Error{Reason: "not UTF-8"}
	}
	if r.space(); r.i >= len(r.b) || r.b[r.i] != '{' {
		return r.fault("it is not a JSON object")
	}
	if err := r.object(1, nil, member); err != nil {
		return err
	}
	return r.end()
}

// Unquote returns the text of a JSON string that has been accepted. It makes a copy only if the string has escapes.
func Unquote(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return inner // this cannot happen, because the string has been accepted; the raw text is a safe result
	}
	return []byte(s)
}
