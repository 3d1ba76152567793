package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// availability is a row of the file.
type availability struct {
	line    int // where the row begins in the file, from 1
	product int64
	market  string // ISO 3166-1 alpha-2
	dates
}

// dates are the first and the last day of an offer in ISO 8601, or empty if there is no date.
type dates struct{ from, until string }

// columns are the columns of the file, in any order.
var columns = []string{"product", "market", "availability_date", "availability_end_date"}

var isoCode = regexp.MustCompile(`^[A-Z]{2}$`)

// readFile returns the rows of a file, or all of its faults.
func readFile(name string) ([]availability, []error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, []error{err}
	}
	return readRows(name, text)
}

func readRows(name string, text []byte) (rows []availability, faults []error) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))) // spreadsheets write this mark
	in.FieldsPerRecord = -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, []error{fmt.Errorf("%s is empty; its first line must be %s", name, strings.Join(columns, ","))}
	}
	if err != nil {
		return nil, []error{syntaxFault(name, err)}
	}
	if faults := headerFaults(name, header); faults != nil {
		return nil, faults
	}
	seen := map[[2]string]int{}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, faults
		}
		if err != nil { // the reader continues with the next line
			faults = append(faults, syntaxFault(name, err))
			continue
		}
		line, _ := in.FieldPos(0)
		row, wrong := parseRow(header, record)
		row.line = line
		if first, repeated := seen[row.place()]; repeated && wrong == nil {
			wrong = append(wrong, fmt.Sprintf("the product and the market are the same as in line %d", first))
		} else if wrong == nil {
			seen[row.place()] = line
		}
		for _, fault := range wrong {
			faults = append(faults, fmt.Errorf("%s:%d: %s", name, line, fault))
		}
		rows = append(rows, row)
	}
}

// syntaxFault names the line of an error of the CSV reader in the same way as the other faults.
func syntaxFault(name string, err error) error {
	if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", name, wrong.Line, wrong.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (a availability) place() [2]string { return [2]string{strconv.FormatInt(a.product, 10), a.market} }

func headerFaults(name string, header []string) (faults []error) {
	for i, column := range header {
		if !slices.Contains(columns, column) {
			faults = append(faults, fmt.Errorf("%s:1: the column %q is unknown", name, column))
		} else if slices.Contains(header[:i], column) {
			faults = append(faults, fmt.Errorf("%s:1: the column %q appears twice", name, column))
		}
	}
	for _, column := range columns {
		if !slices.Contains(header, column) {
			faults = append(faults, fmt.Errorf("%s:1: the column %q is missing", name, column))
		}
	}
	return faults
}

func parseRow(header, record []string) (row availability, faults []string) {
	if len(record) != len(header) {
		return row, []string{fmt.Sprintf("has %d fields, want %d", len(record), len(header))}
	}
	for i, column := range header {
		value, fault := strings.TrimSpace(record[i]), ""
		switch column {
		case "product":
			row.product, fault = parseID(value)
		case "market":
			row.market, fault = parseCode(value)
		case "availability_date":
			row.from, fault = parseDay(value)
		case "availability_end_date":
			row.until, fault = parseDay(value)
		}
		if fault != "" {
			faults = append(faults, fmt.Sprintf("%s %q %s", column, value, fault))
		}
	}
	if faults == nil && row.from != "" && row.until != "" && row.until < row.from {
		faults = append(faults, fmt.Sprintf("availability_end_date %q is before availability_date %q", row.until, row.from))
	}
	return row, faults
}

func parseID(text string) (id int64, fault string) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, "is not the integer id of a product"
	}
	return id, ""
}

func parseCode(text string) (code, fault string) {
	if !isoCode.MatchString(text) {
		return "", "is not an ISO code such as NL"
	}
	return text, ""
}

func parseDay(text string) (day, fault string) {
	if text == "" {
		return "", ""
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", "is not a date such as 2026-03-01"
	}
	return text, ""
}
