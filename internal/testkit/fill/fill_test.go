package fill_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/fill"
)

// failing records the faults of a test that is expected to fail.
type failing struct {
	testing.TB
	faults []string
}

func (f *failing) Errorf(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}

// Draft is exported: a struct is filled only if all of its fields are.
type Draft struct {
	Name  string
	Brand *string
	On    bool
}

type model struct {
	ID uuid.UUID
	Draft
	Version   int64
	UpdatedAt time.Time
}

// open has the fields of model in another struct.
type open struct {
	ID    uuid.UUID
	Draft struct{ Name, Brand string }
	On    bool
}

func TestOf(t *testing.T) {
	t.Parallel()
	one, other := fill.Of[model](t, 0), fill.Of[model](t, 50)
	if one.ID == other.ID || one.Name == other.Name || *one.Brand == *other.Brand || one.Name == *one.Brand ||
		one.Version == other.Version || !one.On || one.UpdatedAt.Equal(other.UpdatedAt) || one.UpdatedAt.IsZero() {
		t.Errorf("got %+v and %+v", one, other)
	}
	made := fill.Of[struct{ At *time.Time }](t, 0, func(n int) *time.Time { at := time.Unix(int64(n), 0); return &at })
	if made.At.Unix() != 1 {
		t.Errorf("made %v", made.At)
	}
}

// Each check names the field that got lost, and the place. If no field got lost, it reports nothing.
func TestChecks(t *testing.T) {
	t.Parallel()
	whole := fill.Of[open](t, 0)
	lost := whole
	lost.Draft.Brand = ""
	nameOnly := func(o open) string { return o.Draft.Name + o.ID.String() + fmt.Sprint(o.On) }
	tests := map[string]struct {
		check func(t testing.TB, internal fill.Internal)
		names string
	}{
		"Same":    {func(t testing.TB, i fill.Internal) { fill.Same(t, "here", whole, lost, i) }, "Draft.Brand"},
		"Set":     {func(t testing.TB, i fill.Internal) { fill.Set(t, "here", lost, i) }, "Draft.Brand"},
		"Carried": {func(t testing.TB, i fill.Internal) { fill.Carried(t, "here", whole, nameOnly, i) }, "Draft.Brand"},
		"SameByName": {func(t testing.TB, i fill.Internal) {
			fill.SameByName(t, "here", whole, struct {
				ID   uuid.UUID
				Name string
				On   bool
			}{whole.ID, whole.Draft.Name, true}, i)
		}, "Brand"},
		"CarriedMembers": {func(t testing.TB, i fill.Internal) {
			fill.CarriedMembers(t, "here", []byte(`{"name":1,"brand":2}`), func(o []byte) bool { return strings.Contains(string(o), "name") }, i)
		}, "brand"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &failing{TB: t}
			if tt.check(f, nil); len(f.faults) != 1 || !strings.Contains(f.faults[0], "here: the ") || !strings.Contains(f.faults[0], tt.names) {
				t.Errorf("faults %q", f.faults)
			}
			f.faults = nil
			if tt.check(f, fill.Internal{tt.names: "a reason"}); len(f.faults) > 0 {
				t.Errorf("listed as internal, faults %q", f.faults)
			}
			if tt.check(f, fill.Internal{tt.names: "a reason", "Gone": "it was removed"}); len(f.faults) != 1 || !strings.Contains(f.faults[0], "Gone") {
				t.Errorf("a list that is out of date, faults %q", f.faults)
			}
		})
	}
}
