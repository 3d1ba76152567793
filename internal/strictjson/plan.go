package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// plan is what encoding/json expects for a Go type. The nil plan is a type that expects nothing in particular: any
// member name is right, as in a map of anything.
type plan struct {
	members map[string]reflect.Type // of a struct
	element reflect.Type            // of a map, a slice or an array
	time    bool
}

var plans sync.Map // reflect.Type → *plan

var (
	timeType    = reflect.TypeFor[time.Time]()
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

func planOf(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		return known.(*plan)
	}
	p := newPlan(t)
	plans.Store(t, p)
	return p
}

func newPlan(t reflect.Type) *plan {
	for t.Kind() == reflect.Pointer && !t.Implements(unmarshaler) {
		t = t.Elem()
	}
	switch {
	case t == timeType, t == reflect.PointerTo(timeType):
		return &plan{time: true}
	case t.Implements(unmarshaler), reflect.PointerTo(t).Implements(unmarshaler):
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return &plan{members: membersOf(t)}
	case reflect.Map, reflect.Slice, reflect.Array:
		return &plan{element: t.Elem()}
	default:
		return nil
	}
}

// membersOf returns the types of a struct's members by their names. An embedded struct gives its members to the outer one;
// a name of an outer struct hides the same name of an inner one.
func membersOf(t reflect.Type) map[string]reflect.Type {
	members, seen := map[string]reflect.Type{}, map[reflect.Type]bool{}
	for level := []reflect.Type{t}; len(level) > 0; {
		var next []reflect.Type
		for _, s := range level {
			for i := range s.NumField() {
				f := s.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				inner := f.Type
				if inner.Kind() == reflect.Pointer {
					inner = inner.Elem()
				}
				switch {
				case f.Tag.Get("json") == "-":
				case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
					if !seen[inner] { // a type can embed a pointer to itself
						next, seen[inner] = append(next, inner), true
					}
				case f.IsExported():
					if name == "" {
						name = f.Name
					}
					if _, hidden := members[name]; !hidden {
						members[name] = f.Type
					}
				}
			}
		}
		level = next
	}
	return members
}

// member returns the plan of the named member, and whether the type has it.
func (p *plan) member(name []byte) (inner *plan, has bool) {
	switch {
	case p == nil:
		return nil, true
	case p.members != nil:
		t, has := p.members[string(name)]
		if !has {
			return nil, false
		}
		return planOf(t), true
	default:
		return p.elements(), true
	}
}

// resembles reports whether encoding/json would take the unknown name for a member, because it ignores case.
func (p *plan) resembles(name []byte) bool {
	for other := range p.members {
		if strings.EqualFold(other, string(name)) {
			return true
		}
	}
	return false
}

func (p *plan) elements() *plan {
	if p == nil || p.element == nil {
		return nil
	}
	return planOf(p.element)
}
