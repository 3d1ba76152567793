package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeCLDR has the assigned number of codes, a withdrawn one, a reserved one and one that users assign.
func fakeCLDR(t *testing.T, first string) string {
	t.Helper()
	codes, names := map[string]any{}, map[string]string{"XK": "Kosovo", "AC": "Ascension Island"}
	for i := range assigned {
		code := fmt.Sprintf("%c%c", 'A'+i/26, 'A'+i%26)
		codes[code], names[code] = map[string]string{"_numeric": fmt.Sprintf("%03d", i+1)}, "Land "+code
	}
	names["AA"] = first
	codes["ZR"], codes["XK"] = map[string]string{"_numeric": "180"}, map[string]string{"_numeric": "983"}
	codes["QQ"], names["QQ"] = codes["AC"], "In place of AC"
	codes["AC"] = map[string]string{"_alpha3": "ASC"}
	dir := t.TempDir()
	write := func(name string, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("supplemental/codeMappings.json", map[string]any{"supplemental": map[string]any{"codeMappings": codes}})
	write("main/en/territories.json", map[string]any{"main": map[string]any{"en": map[string]any{
		"localeDisplayNames": map[string]any{"territories": names}}}})
	write("LICENSE", "as is")
	return dir
}

// Names that were replaced stay known as former names, also after a second change, and only once.
func TestRenew(t *testing.T) {
	t.Parallel()
	sample := t.TempDir()
	for name, text := range map[string]string{"markets.csv": "iso_code,name\nAA,Old\nAB,Land AB\n", "former_market_names.csv": "iso_code,name\n"} {
		if err := os.WriteFile(filepath.Join(sample, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, first := range []string{"St. A & B", "St. A & B", "L’A"} {
		if err := renew(fakeCLDR(t, first), sample); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(sample, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got, want := read("former_market_names.csv"), "iso_code,name\nAA,Old\nAA,Saint A and B\n"; got != want {
		t.Errorf("former names %q, want %q", got, want)
	}
	markets := read("markets.csv")
	if !strings.HasPrefix(markets, "iso_code,name\nAA,L'A\nAB,Land AB\n") || strings.Contains(markets, "XK") || strings.Contains(markets, "ZR") {
		t.Errorf("markets %q", markets)
	}
	if read("LICENSE-CLDR.txt") == "" {
		t.Error("the license is missing")
	}
}
