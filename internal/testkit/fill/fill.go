// Package fill checks that a mapping forgets no field. It fills every field of a value by reflection, and compares the
// result of the mapping with its input. So if a field is added only to a model, the tests of its mappings fail.
package fill

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// Internal lists the fields that a place drops on purpose, and why. Fields are named as in the failure: with the
// embedded structs that they are in.
type Internal map[string]string

// Of returns a T in which every field has a value that is not zero and that no other field has; only booleans are all
// true. Later fields have greater values, and a greater n gives other values. makers are functions of the form
// func(n int) V: fields of type V get what they return. Texts are two capital letters, which the rules of all models
// allow.
func Of[T any](t testing.TB, n int, makers ...any) T {
	t.Helper()
	f := filler{t: t, n: n, makers: map[reflect.Type]reflect.Value{}}
	for _, m := range append([]any{newUUID, newTime}, makers...) {
		made := reflect.ValueOf(m)
		f.makers[made.Type().Out(0)] = made
	}
	var v T
	f.fill(reflect.ValueOf(&v).Elem(), fmt.Sprintf("%T", v))
	return v
}

func newUUID(n int) uuid.UUID { return uuid.UUID{15: byte(n)} }

func newTime(n int) time.Time {
	return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * (time.Hour + time.Microsecond))
}

type filler struct {
	t      testing.TB
	n      int
	makers map[reflect.Type]reflect.Value
}

func (f *filler) fill(v reflect.Value, path string) {
	f.t.Helper()
	if maker, ok := f.makers[v.Type()]; ok {
		f.n++
		v.Set(maker.Call([]reflect.Value{reflect.ValueOf(f.n)})[0])
		return
	}
	switch {
	case isOpen(v.Type()):
		for i := range v.NumField() {
			f.fill(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), path)
	case reflect.String:
		f.n++
		v.SetString(string([]byte{'A' + byte(f.n/26%26), 'A' + byte(f.n%26)}))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		f.n++
		v.SetInt(int64(f.n))
	case reflect.Interface:
		f.n++
		v.Set(reflect.ValueOf(float64(f.n))) // as JSON's numbers are decoded
	default:
		f.t.Fatalf("fill.Of cannot fill %s (%s): give it a maker func(n int) %s", path, v.Type(), v.Type())
	}
}

// Same fails the test for each field of want that is another one in got, except the internal fields.
func Same[T any](t testing.TB, place string, want, got T, internal Internal) {
	t.Helper()
	var lost []string
	gotten := leaves(reflect.ValueOf(&got).Elem(), "")
	for i, field := range leaves(reflect.ValueOf(&want).Elem(), "") {
		if !reflect.DeepEqual(field.value.Interface(), gotten[i].value.Interface()) {
			lost = append(lost, field.name)
			if _, ok := internal[field.name]; !ok {
				t.Errorf("%s: the field %T.%s got lost: %v became %v", place, want, field.name, field.value, gotten[i].value)
			}
		}
	}
	checkInternal(t, place, lost, internal)
}

// Carried fails the test for each field of v on which the result of convert does not depend, except the internal
// fields. It sets one field after the other to zero.
func Carried[T, R any](t testing.TB, place string, v T, convert func(T) R, internal Internal) {
	t.Helper()
	all := convert(v)
	var lost []string
	for i, field := range leaves(reflect.ValueOf(&v).Elem(), "") {
		without := v
		leaves(reflect.ValueOf(&without).Elem(), "")[i].value.SetZero()
		if reflect.DeepEqual(convert(without), all) {
			lost = append(lost, field.name)
			if _, ok := internal[field.name]; !ok {
				t.Errorf("%s: the field %T.%s got lost: the result is the same without it", place, v, field.name)
			}
		}
	}
	checkInternal(t, place, lost, internal)
}

// Set fails the test for each field of v that is zero, except the internal fields: nothing sets it.
func Set[T any](t testing.TB, place string, v T, internal Internal) {
	t.Helper()
	var lost []string
	for _, field := range leaves(reflect.ValueOf(&v).Elem(), "") {
		if field.value.IsZero() {
			lost = append(lost, field.name)
			if _, ok := internal[field.name]; !ok {
				t.Errorf("%s: the field %T.%s got lost: nothing sets it", place, v, field.name)
			}
		}
	}
	checkInternal(t, place, lost, internal)
}

// SameByName fails the test for each field of from that is not in to under the same name, with the same value, except
// the internal fields. It compares two types that have the same fields in other structs, so embedded structs do not
// count in these names.
func SameByName(t testing.TB, place string, from, to any, internal Internal) {
	t.Helper()
	shown := byName(to)
	var lost []string
	for name, value := range byName(from) {
		other, ok := shown[name]
		if ok && reflect.DeepEqual(value, other) {
			continue
		}
		lost = append(lost, name)
		if _, listed := internal[name]; !listed {
			t.Errorf("%s: the field %s of %T got lost: %v became %v in %T", place, name, from, value, other, to)
		}
	}
	checkInternal(t, place, lost, internal)
}

// CarriedMembers fails the test for each member of a JSON object on which the result of convert does not depend, except
// the internal members. It takes out one member after the other.
func CarriedMembers[R any](t testing.TB, place string, object []byte, convert func(object []byte) R, internal Internal) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := strictjson.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	all := convert(object)
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		without := maps.Clone(members)
		delete(without, name)
		text, err := json.Marshal(without)
		if err != nil {
			t.Fatal(err)
		}
		if reflect.DeepEqual(convert(text), all) {
			lost = append(lost, name)
			if _, ok := internal[name]; !ok {
				t.Errorf("%s: the member %q got lost: the result is the same without it", place, name)
			}
		}
	}
	checkInternal(t, place, lost, internal)
}

// ViaJSON returns v as a client reads it: encoded, and decoded into the same generated type, which must know every member.
func ViaJSON[T any](t testing.TB, v T) (decoded T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := strictjson.UnmarshalKnown(text, &decoded); err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	return decoded
}

func byName(v any) map[string]any {
	addressable := reflect.New(reflect.TypeOf(v)).Elem()
	addressable.Set(reflect.ValueOf(v))
	values := map[string]any{}
	for _, field := range leaves(addressable, "") {
		values[field.last] = field.value.Interface()
	}
	return values
}

// checkInternal refuses a list of internal fields that is out of date.
func checkInternal(t testing.TB, place string, lost []string, internal Internal) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(internal)) {
		if !slices.Contains(lost, name) {
			t.Errorf("%s: the field %s is listed as internal (%s), but it is carried or does not exist", place, name, internal[name])
		}
	}
}

type leaf struct {
	name, last string
	value      reflect.Value
}

// leaves lists the fields of a struct, and in place of a struct in it its fields.
func leaves(v reflect.Value, prefix string) (list []leaf) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if isOpen(field.Type) {
			list = append(list, leaves(v.Field(i), prefix+field.Name+".")...)
			continue
		}
		list = append(list, leaf{name: prefix + field.Name, last: field.Name, value: v.Field(i)})
	}
	return list
}

// isOpen reports whether t is a struct whose fields are all exported; others, such as time.Time, are one value.
func isOpen(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return false
		}
	}
	return true
}
