// Package keyset knows how a long list is read in a total order, a part at a time, each part going on behind the last
// row of the one before: no row is skipped or repeated because others came or went meanwhile.
package keyset

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Order is a list's order by one column, then by another that is unique. Both names are SQL and come from the program.
type Order struct {
	By   string // may be the same as Tie
	Desc bool   // reverses By; ties stay in their order
	Tie  string
}

// Query is a SELECT that grows by conditions.
type Query struct {
	conditions []string
	args       []any
}

// Where adds a condition; each ? in it stands for the next of args.
func (q *Query) Where(condition string, args ...any) {
	for _, arg := range args {
		condition = strings.Replace(condition, "?", q.arg(arg), 1)
	}
	q.conditions = append(q.conditions, condition)
}

// After keeps what stands behind the row with the given values of the order's columns.
func (q *Query) After(o Order, by, tie any) {
	beyond := ">"
	if o.Desc {
		beyond = "<"
	}
	if o.By == o.Tie {
		q.Where(o.By+" "+beyond+" ?", tie)
		return
	}
	// The first half alone is what an index on By can use.
	key := q.arg(by)
	q.Where(fmt.Sprintf("%s %s= %s AND (%[1]s %[2]s %[3]s OR %s > ?)", o.By, beyond, key, o.Tie), tie)
}

// SQL returns "SELECT … FROM …", which is given, with the conditions, the order and the limit, and its arguments.
func (q *Query) SQL(selectFrom string, o Order, limit int) (string, []any) {
	var b strings.Builder
	b.WriteString(selectFrom)
	for i, condition := range q.conditions {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(condition)
	}
	b.WriteString(" ORDER BY " + o.By)
	if o.Desc {
		b.WriteString(" DESC")
	}
	if o.By != o.Tie {
		b.WriteString(", " + o.Tie)
	}
	b.WriteString(" LIMIT " + strconv.Itoa(limit))
	return b.String(), q.args
}

func (q *Query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// Search keeps the rows whose column contains text, in any case and as it stands: nothing in it is a wildcard. An empty
// text keeps all rows. ICU folds case as Unicode does; the columns' own collation, "C", would fold ASCII alone.
func (q *Query) Search(column, text string) {
	if text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
		q.Where(column+` COLLATE "und-x-icu" ILIKE ?`, pattern)
	}
}

// Value returns the value of the column that a list is sorted by: at where that column is a time, else text. A cursor is
// not signed, so the order decides this, and not what the cursor holds.
func Value(isTime bool, text string, at time.Time) any {
	if isTime {
		return at
	}
	return text
}
