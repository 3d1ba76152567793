package adminui

import (
	"strconv"
	"time"
)

// Cell is one value, as people see it. Only one of its fields is set.
type Cell struct {
	Text  string
	Time  time.Time
	State string // a short word, such as "active"
	Quiet string // a short word for the usual state, which must not attract attention
	Code  string // an identifier
	Day   string // such as 2026-03-01
}

// TextCell returns a cell with a text.
func TextCell(text string) Cell { return Cell{Text: text} }

// TimeCell returns a cell with a time.
func TimeCell(t time.Time) Cell { return Cell{Time: t} }

// CodeCell returns a cell with an identifier.
func CodeCell(code string) Cell { return Cell{Code: code} }

// NumberCell returns a cell with a number.
func NumberCell(n int64) Cell { return Cell{Text: strconv.FormatInt(n, 10)} }

// String returns the cell as plain text.
func (c Cell) String() string {
	if !c.Time.IsZero() {
		return c.Time.UTC().Format(time.RFC3339Nano)
	}
	return c.Text + c.State + c.Quiet + c.Code + c.Day
}
