package catalog

import (
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// A field of a record that no column sets fails this test.
func TestMappingOfImports(t *testing.T) {
	t.Parallel()
	servicetest.ImportSets(t, "row of an import → parseMarket → market.Record", marketModel(nil), map[string]string{
		"iso_code": "NL", "name": "Netherlands", replaces: "Holland",
	})
	servicetest.ImportSets(t, "row of an import → parseEntry → entry.Draft", entryModel(nil), map[string]string{
		"product": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "market": "NL", "availability_date": "2026-03-01", "availability_end_date": "2026-03-02",
	})
}

// The names are those of a current CLDR, not of a library that lags behind.
func TestSampleMarkets(t *testing.T) {
	t.Parallel()
	in, err := sampleMarkets()
	if err != nil || in.Unreadable() != nil {
		t.Fatalf("%v, %v", err, in.Unreadable())
	}
	rows, err := in.Rows()
	if err != nil || len(rows) != 249 {
		t.Fatalf("%d markets, %v", len(rows), err)
	}
	names, old := map[string]string{}, map[string][]string{}
	for _, row := range rows {
		r, _ := parseMarket(row)
		names[r.ISOCode], old[r.ISOCode] = r.Name, r.Replaces
	}
	for code, want := range map[string]string{
		"SZ": "Eswatini", "TR": "Türkiye", "LY": "Libya", "CV": "Cabo Verde", "MK": "North Macedonia", "CI": "Côte d'Ivoire",
		"AX": "Åland Islands", "RE": "Réunion", "CW": "Curaçao", "BL": "Saint Barthélemy", "CZ": "Czechia",
	} {
		if names[code] != want {
			t.Errorf("%s is %q, want %q", code, names[code], want)
		}
	}
	if !slices.Contains(old["SZ"], "Swaziland") || !slices.Contains(old["SZ"], "Eswatini") {
		t.Errorf("the sample replaces %q", old["SZ"])
	}
}
