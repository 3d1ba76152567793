package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

func writeCSV(out io.Writer, offers []offer) error {
	w := csv.NewWriter(out)
	records := [][]string{{"market", "product", "category", "discontinued", "from", "until"}}
	for _, o := range offers {
		records = append(records, []string{o.market, o.product, o.category, strconv.FormatBool(o.discontinued), o.from, o.until})
	}
	return w.WriteAll(records)
}

func writeTable(out io.Writer, offers []offer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MARKET\tPRODUCT\tCATEGORY\tFROM\tUNTIL")
	for _, o := range offers {
		name := printable(o.product)
		if o.discontinued {
			name += " (discontinued)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.market, name, printable(o.category), cmp.Or(o.from, "not scheduled"), cmp.Or(o.until, "open"))
	}
	fmt.Fprintf(w, "%d offers\n", len(offers))
	return w.Flush()
}

// printable replaces characters of a name that could move columns or control the terminal.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}
