package copyrow_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/copyrow"
)

type data struct {
	Name  string
	Until *time.Time
}

func TestTakeComparesTheData(t *testing.T) {
	t.Parallel()
	type grown struct { // a later release knows one more field
		Name  string
		Until *time.Time
		Brand string
	}
	day, sameDay := time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()
	later := day.AddDate(0, 0, 1)
	of := func(data any) copyrow.Digest { return copyrow.Of(5, data) }
	chair, sofa := of(data{"Chair", &day}), of(data{"Sofa", &day})
	const none, equal, differs = "", "equal", "differs"
	tests := map[string]struct {
		stored, arrived copyrow.Digest
		version         int64 // of the change; the row has version 5
		want            string
		taken           bool
	}{
		"Repeated":           {chair, of(data{"Chair", &sameDay}), 5, equal, false},
		"OtherName":          {chair, sofa, 5, differs, false},
		"OtherDay":           {chair, of(data{"Chair", &later}), 5, differs, false},
		"NoDay":              {chair, of(data{"Chair", nil}), 5, differs, false},
		"OtherButOlder":      {chair, copyrow.Of(4, data{"Sofa", &day}), 4, none, false},
		"OtherAndNewer":      {chair, copyrow.Of(6, data{"Sofa", &day}), 6, none, true},
		"WasDeleted":         {of(nil), chair, 5, differs, false},
		"IsDeleted":          {chair, of(nil), 5, differs, false},
		"DeletionRepeated":   {of(nil), of(nil), 5, equal, false},
		"StoredIsNotKnown":   {"", chair, 5, none, false},
		"ArrivedIsNotKnown":  {chair, "", 5, none, false},
		"OtherForm":          {chair, of(grown{"Sofa", &day, "Ercol"}), 5, none, false},
		"OtherFormIsDeleted": {of(grown{"Sofa", &day, "Ercol"}), of(nil), 5, differs, false},
		// An instance of an earlier release has stored version 5, and left the digest of version 4.
		"StoredIsOlder": {copyrow.Of(4, data{"Sofa", &day}), chair, 5, none, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row, got := copyrow.Row{Version: 5, Digest: tt.stored}, none
			c := copyrow.Change{Version: tt.version, Digest: tt.arrived, SameVersion: func(same bool) {
				got = map[bool]string{true: equal, false: differs}[same]
			}}
			if taken := row.Take(c); taken != tt.taken || got != tt.want {
				t.Errorf("taken %t, compared %q", taken, got)
			}
			want := tt.stored
			if tt.taken {
				want = tt.arrived
			}
			if row.Digest != want {
				t.Errorf("the row's digest is %x, want %x", row.Digest, want)
			}
			c.SameVersion = nil
			row.Take(c)
		})
	}
}

// After a purge the row's data is gone, so late events have nothing to differ from.
func TestAPurgeForgetsTheDigest(t *testing.T) {
	t.Parallel()
	row := copyrow.Row{Version: 5, Digest: copyrow.Of(5, data{Name: "Chair"})}
	row.Take(copyrow.Change{Purged: true})
	row.Take(copyrow.Change{Version: 5, Digest: copyrow.Of(5, data{Name: "Sofa"}), SameVersion: func(bool) { t.Error("compared") }})
}

// The digest is stored, so it must not change from one release to the next.
func TestDigestIsStable(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	got := [...]copyrow.Digest{copyrow.Of(7, data{"Chair", &day}), copyrow.Of(7, nil)}
	for i, want := range [...]string{
		"0000000000000007f3137d55022d21ab23acd94ce6a5204b53c3edc1",
		"00000000000000070000000074234e98afe7498fb5daf1f36ac2d78a",
	} {
		if hex.EncodeToString([]byte(got[i])) != want {
			t.Errorf("digest %d is %x, want %s", i, got[i], want)
		}
	}
}
