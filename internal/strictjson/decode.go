package strictjson

import (
	"encoding/json"
	"reflect"
)

// Unmarshal reads text into the value that into points to. Text must satisfy Check. Names of members are compared exactly,
// as the JSON specifications say: encoding/json alone also takes "NAME" for the member "name". Unmarshal ignores members
// that the Go type does not have. A time.Time may have the lower-case t and z that RFC 3339 allows (section 5.6).
//
// A type with an UnmarshalJSON of its own decides itself how it compares names, so it should call Unmarshal.
func Unmarshal(text []byte, into any) error { return unmarshal(text, into, false) }

// UnmarshalKnown is like Unmarshal, but refuses members that the Go type does not have.
func UnmarshalKnown(text []byte, into any) error { return unmarshal(text, into, true) }

func unmarshal(text []byte, into any, known bool) error {
	var names [32][]byte
	r := reader{b: text, allowNUL: true, bounded: true, names: names[:0], known: known}
	if t := reflect.TypeOf(into); t != nil && t.Kind() == reflect.Pointer {
		r.into = planOf(t.Elem())
	}
	if err := r.text(); err != nil {
		return err
	}
	if r.exact != nil {
		text = r.exact
	}
	return json.Unmarshal(text, into)
}

// hide makes the name of a member, given with its quotes, unknown to encoding/json: nothing else of the text changes.
func (r *reader) hide(from, to int) {
	name := r.writable()[from+1 : to-1]
	for i := range name {
		name[i] = ' '
	}
}

// raise writes the t and the z of a time such as "2026-03-01t09:30:00z" in upper case, the only case that time.Time reads.
func (r *reader) raise(from, to int) {
	const before, shortest = len(`"2026-03-01`), len(`"2026-03-01t09:30:00z"`)
	if to-from < shortest {
		return
	}
	if t := from + before; r.b[t] == 't' {
		r.writable()[t] = 'T'
	}
	if z := to - len(`z"`); r.b[z] == 'z' {
		r.writable()[z] = 'Z'
	}
}

// writable returns a copy of the text that encoding/json reads in its place.
func (r *reader) writable() []byte {
	if r.exact == nil {
		r.exact = append([]byte(nil), r.b...)
	}
	return r.exact
}
