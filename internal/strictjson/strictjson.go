// Package strictjson checks JSON that comes from outside: it has to mean the same to every reader.
//
// encoding/json is not enough: it takes repeated members and data behind the value, nests without end, and replaces
// invalid UTF-8 and unpaired surrogates, so that what one reader checks is not what the next one reads.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxDepth bounds nesting: a reader that recurses must not be led into the ground by a megabyte of brackets.
const MaxDepth = 32

// Error says where a text stops being acceptable, and why.
type Error struct {
	Offset int // in bytes
	Reason string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// Check returns an *Error unless text is one JSON value (RFC 8259) in UTF-8, without a repeated member or an unpaired
// surrogate or a number beyond a double (I-JSON, RFC 7493), and not nested deeper than MaxDepth.
func Check(text []byte) error {
	if !utf8.Valid(text) {
		return &Error{Reason: "not UTF-8"}
	}
	var names [32][]byte
	r := reader{b: text, allowNUL: true, bounded: true, names: names[:0]}
	r.space()
	if err := r.value(0); err != nil {
		return err
	}
	return r.end()
}

// Object is Check for an object that also must not hold NUL anywhere, which PostgreSQL cannot store. It hands the
// object's members to member as they come, up to the first fault: the name, unquoted, and the value as it stands there.
func Object(text []byte, member func(name, raw []byte)) error {
	if !utf8.Valid(text) {
		return &Error{Reason: "not UTF-8"}
	}
	var names [32][]byte
	r := reader{b: text, names: names[:0]}
	if r.space(); r.i >= len(r.b) || r.b[r.i] != '{' {
		return r.fault("not a JSON object")
	}
	if err := r.object(1, member); err != nil {
		return err
	}
	return r.end()
}

// Unquote returns the text of a string that has been accepted, without a copy where nothing is escaped.
func Unquote(raw []byte) []byte {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return inner // it has been accepted, so this does not happen; the raw text is the safe answer
	}
	return []byte(s)
}
