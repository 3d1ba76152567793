// Command marketnames renews the sample markets of the catalog from the data of the Unicode CLDR. It takes the folder with
// the unpacked packages cldr-core and cldr-localenames-full, and the folder of the sample data. See "make market-names".
package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: marketnames CLDR SAMPLEDATA")
		os.Exit(2)
	}
	if err := renew(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// renew writes the current names and the license. The names that change become former names, so that an import can tell
// them from names that people have given.
func renew(cldr, sample string) error {
	current, err := readNames(cldr)
	if err != nil {
		return err
	}
	markets, former := filepath.Join(sample, "markets.csv"), filepath.Join(sample, "former_market_names.csv")
	before, err := readRows(markets)
	if err != nil {
		return err
	}
	old, err := readRows(former)
	if err != nil {
		return err
	}
	for _, row := range before {
		if current[row[0]] != row[1] && !slices.ContainsFunc(old, func(o []string) bool { return slices.Equal(o, row) }) {
			old = append(old, row)
		}
	}
	var rows [][]string
	for _, code := range slices.Sorted(maps.Keys(current)) {
		rows = append(rows, []string{code, current[code]})
	}
	slices.SortStableFunc(old, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	license, err := os.ReadFile(filepath.Join(cldr, "LICENSE"))
	return errors.Join(err, writeRows(markets, rows), writeRows(former, old),
		os.WriteFile(filepath.Join(sample, "LICENSE-CLDR.txt"), license, 0o644))
}

// readRows returns the rows below the header.
func readRows(path string) ([][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("read %s: no header, or %w", path, err)
	}
	return rows[1:], nil
}

func writeRows(path string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := errors.Join(w.Write([]string{"iso_code", "name"}), w.WriteAll(rows)); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
