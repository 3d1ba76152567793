package history

import (
	"time"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Object names an object of a service.
type Object struct {
	Model string // such as "product"
	Key   string // of the object's events: an id or a code
}

// Value is the value of a field of an object. It is nil, a bool, a number or a string.
type Value struct {
	Field string // as the API names it
	Value any
}

// Field is a field that a change has changed.
type Field struct {
	Name string `json:"field"`
	Old  any    `json:"old"` // nil if the field had no value
	New  any    `json:"new"` // nil if the field has no value
}

// The kinds of changes that no event has: a command repairs the object. The other kinds are those of the model's events.
const (
	Reasserted = "reasserted" // the object got a version past those in its topic, and is otherwise as before
	Recovered  = "recovered"  // the object was rebuilt from its last event
)

// Change is a change of an object to its next version.
type Change struct {
	Object Object
	Kind   string // what happened, such as "created"
	Time   time.Time
	State  []Value       // all fields, after the change
	Event  event.Message // tells others about the change, and has the version
	// Follows is the key of the other service's object whose event led to this change. It matters only in a handler of events.
	Follows string
}

// diff returns the fields whose values differ, in the order of now. A field that a new object leaves empty has not changed.
func diff(before, now []Value) []Field {
	old := make(map[string]any, len(before))
	for _, v := range before {
		old[v.Field] = v.Value
	}
	fields := []Field{}
	for _, v := range now {
		was := old[v.Field]
		if was != v.Value && (len(before) > 0 || v.Value != false) {
			fields = append(fields, Field{v.Field, was, v.Value})
		}
	}
	return fields
}
