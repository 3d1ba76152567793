// Package keyset reads a long list in a total order, one part at a time. Each part starts after the last row of the part
// before. So rows that are added or deleted in the meantime do not make other rows skipped or repeated.
package keyset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/nametext"
)

// Order is the order of a list: by one column, then by a unique column. Both names are SQL, and must not come from a caller.
type Order struct {
	By   string // may be equal to Tie
	Desc bool   // reverses the whole order, so that one index serves both directions
	Tie  string
}

// sql returns the order as it stands after ORDER BY.
func (o Order) sql() string {
	direction := ""
	if o.Desc {
		direction = " DESC"
	}
	if o.By == o.Tie {
		return o.By + direction
	}
	return o.By + direction + ", " + o.Tie + direction
}

// Query is a SELECT to which conditions are added.
type Query struct {
	conditions []string
	args       []any
	searched   []string // the conditions of Search
	searches   bool
	trigrams   bool
	fixed      []string // the columns that have one value in all rows
	parts      []string // the conditions of Union
}

// Where adds a condition. Each ? in it stands for the next argument of args.
func (q *Query) Where(condition string, args ...any) {
	q.conditions = append(q.conditions, q.numbered(condition, args))
}

// numbered returns a condition with the numbers of its arguments.
func (q *Query) numbered(condition string, args []any) string {
	for _, arg := range args {
		condition = strings.Replace(condition, "?", q.arg(arg), 1)
	}
	return condition
}

// Either keeps the rows that meet one of two conditions. No row may meet both. Each condition is read on its own, in the order of
// the list. So an index that begins with the column of the condition serves lists with one of the conditions and with both.
func (q *Query) Either(first, second string) {
	q.Union(Condition{SQL: first}, Condition{SQL: second})
}

// Condition is a condition with a ? for each of its arguments.
type Condition struct {
	SQL  string
	Args []any
}

// Union is Either for any number of conditions. Without one, no row is kept.
func (q *Query) Union(conditions ...Condition) {
	if len(conditions) == 0 {
		q.Where("false")
	}
	q.parts = nil
	for _, c := range conditions {
		q.parts = append(q.parts, q.numbered(c.SQL, c.Args))
	}
}

// After keeps the rows after the row that has these values in the columns of the order. It comes after the other conditions.
func (q *Query) After(o Order, by, tie any) {
	o = q.without(o)
	beyond := ">"
	if o.Desc {
		beyond = "<"
	}
	if o.By == o.Tie {
		q.Where(o.By+" "+beyond+" ?", tie)
		return
	}
	// Only a comparison of rows lets an index on both columns begin at the position.
	q.Where(fmt.Sprintf("(%s, %s) %s (?, ?)", o.By, o.Tie, beyond), by, tie)
}

// Statement is a SELECT of one part of a list, with the arguments.
type Statement struct {
	SQL      string
	Args     []any
	Searches bool // it has a condition of Search
	// Trigrams reports whether an index of trigrams finds what is searched.
	Trigrams bool
	Search   *Search // set for a part of a list, if Trigrams is
}

// Statement returns selectFrom ("SELECT … FROM …") with the conditions, the order and the limit. With Either, the columns of the
// order must be selected under their own names.
func (q *Query) Statement(selectFrom string, o Order, limit int) Statement {
	o = q.without(o)
	var search *Search
	if q.trigrams {
		search = q.search(selectFrom, o, limit)
	}
	// PostgreSQL keeps the plan of a statement without arguments, even if the table grows.
	n := q.arg(limit)
	s := q.statement(q.sql(selectFrom, " ORDER BY "+o.sql()+" LIMIT "+n, " ORDER BY "+o.outside().sql()+" LIMIT "+n))
	s.Search = search
	return s
}

func (q *Query) statement(sql string) Statement {
	return Statement{SQL: sql, Args: q.args, Searches: q.searches, Trigrams: q.trigrams}
}

// Some returns a statement for any rows with the conditions, without an order.
func (q *Query) Some(selectFrom string, most int) Statement {
	limit := " LIMIT " + q.arg(most)
	return q.statement(q.sql(selectFrom, limit, limit))
}

// Count returns a statement that counts the rows of from ("FROM …") with the conditions, but never more than most.
func (q *Query) Count(from string, most int) Statement {
	limit := " LIMIT " + q.arg(most)
	return q.statement("SELECT count(*)::int FROM (" + q.sql("SELECT "+from, limit, limit) + ") AS counted")
}

// sql returns selectFrom with the conditions and with what comes after them. With Union, it does so for each condition of it, and
// whole comes after all of them.
func (q *Query) sql(selectFrom, after, whole string) string {
	conditions := slices.Concat(q.conditions, q.searched)
	switch len(q.parts) {
	case 0:
		return selectFrom + where(conditions) + after
	case 1:
		return selectFrom + where(append(conditions, q.parts[0])) + after
	}
	parts := make([]string, len(q.parts))
	for i, part := range q.parts {
		parts[i] = "(" + selectFrom + where(append(slices.Clip(conditions), part)) + after + ")"
	}
	return strings.Join(parts, " UNION ALL ") + whole
}

// where returns the conditions as they stand in a statement.
func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// without returns the order without a column that has one value in all rows. PostgreSQL leaves such a column out of the order
// too, but would then not find the position of a comparison of rows.
func (q *Query) without(o Order) Order {
	if slices.Contains(q.fixed, o.By) {
		o.By = o.Tie
	}
	return o
}

func (q *Query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// Search keeps the rows whose column contains text, in any case and any of its forms (nametext.Forms). No character of text is
// a wildcard. An empty text keeps all rows. The ICU collation folds case as Unicode does. The collation "C" of the columns
// would only fold ASCII. A trigram index on Folded(column) finds the rows; see postgres.Select.
func (q *Query) Search(column, text string) {
	if text != "" {
		c := Contains(column, text)
		q.searched = append(q.searched, q.numbered(c.SQL, c.Args))
		q.searches, q.trigrams = true, q.trigrams || hasTrigram(text)
	}
}

// Contains is the condition of Search. text must not be empty.
func Contains(column, text string) Condition {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return anyForm(Folded(column)+` LIKE `+Folded("?::text"), text, func(form string) string { return "%" + escape.Replace(form) + "%" })
}

// Folded is SQL for a text without the difference between upper and lower case. Migrations have indexes on this expression.
func Folded(text string) string { return "lower(" + text + ` COLLATE "und-x-icu")` }

// Equal keeps the rows whose column is text, in any of its forms (nametext.Forms). An empty text keeps all rows.
func (q *Query) Equal(column, text string) {
	if text != "" {
		if len(nametext.Forms(text)) == 1 {
			q.fixed = append(q.fixed, column)
		}
		c := anyForm(column+" = ?", text, func(form string) string { return form })
		q.Where(c.SQL, c.Args...)
	}
}

// anyForm returns a condition that holds for one of the text's forms. Nearly every text has a single one.
func anyForm(condition, text string, argument func(form string) string) Condition {
	var alternatives []string
	var args []any
	for _, form := range nametext.Forms(text) {
		alternatives, args = append(alternatives, condition), append(args, argument(form))
	}
	condition = strings.Join(alternatives, " OR ")
	if len(alternatives) > 1 {
		condition = "(" + condition + ")"
	}
	return Condition{condition, args}
}

// Value returns the value of the column by which a list is sorted: at if that column is a time, otherwise text. A cursor is
// not signed, so the order decides this, and not the content of the cursor.
func Value(isTime bool, text string, at time.Time) any {
	if isTime {
		return at
	}
	return text
}
