package servicetest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/testkit/fill"
)

// HistoryHas fails the test unless a change of any field of a model changes the state that the history compares. without has
// the fields for which this is not so, and why. filled is a model in which no field is zero.
func HistoryHas[M any](t testing.TB, filled M, state func(M) []history.Value, without fill.Internal) {
	t.Helper()
	var empty M
	before, seen := state(empty), 0
	for _, field := range reflect.VisibleFields(reflect.TypeFor[M]()) {
		if field.Anonymous {
			continue
		}
		var changed M
		reflect.ValueOf(&changed).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(filled).FieldByIndex(field.Index))
		has := !slices.Equal(state(changed), before)
		if _, left := without[field.Name]; left == has {
			t.Errorf("%T.%s is in the history: %v", filled, field.Name, has)
		}
		seen++
	}
	if seen <= len(without) {
		t.Errorf("%T has %d fields", filled, seen)
	}
}
