package keyset

import (
	"slices"
	"strings"
	"unicode"
)

// Search has other forms of a statement that searches for a text. No plan is good for rare and for common texts, and PostgreSQL does not
// know how many rows match. So postgres.Select tries these forms in turn, until one has the answer.
type Search struct {
	Limit int // rows that the list wants
	// Walk looks at the first rows of the list alone, in its order. If many rows match, it finds enough of them at once.
	Walk Statement
	// Found looks for at most Most+1 matching rows, and sorts those. If there are not more than Most, it has the answer. After the columns
	// of the list it has the number of rows that it has found, and the values of the order of each row.
	Found Statement
	Most  int
	// UpTo returns the statement for the rows that are not behind one with these values of the order. If the last row of Found is meant,
	// enough rows match, and they are few.
	UpTo func(by, tie any) Statement
}

const (
	// walked is how many rows Walk looks at for each row that the list wants.
	walked = 30
	// mostFound is Search.Most. With half of the rows, reading them takes half of the time, and UpTo has to read twice as many.
	mostFound = 3000
)

func (q *Query) search(selectFrom string, o Order, limit int) *Search {
	outside := o.outside()
	q = q.clone() // the caller goes on with the other one
	return &Search{Limit: limit, Most: mostFound, Walk: q.walk(selectFrom, o, limit), Found: q.found(selectFrom, outside, limit), UpTo: func(by, tie any) Statement {
		c := q.clone()
		behind := "<="
		if o.Desc {
			behind = ">="
		}
		if o.By == o.Tie {
			c.Where(o.By+" "+behind+" ?", tie)
		} else {
			c.Where("("+o.By+", "+o.Tie+") "+behind+" (?, ?)", by, tie)
		}
		n := c.arg(limit)
		return c.statement(c.sql(selectFrom, " ORDER BY "+o.sql()+" LIMIT "+n, " ORDER BY "+outside.sql()+" LIMIT "+n))
	}}
}

func (q *Query) walk(selectFrom string, o Order, limit int) Statement {
	c := q.clone()
	matching := where(c.searched)
	c.searched = nil
	look, n := c.arg(walked*limit), c.arg(limit)
	order := " ORDER BY " + o.outside().sql()
	inOrder := c.sql(selectFrom, " ORDER BY "+o.sql()+" LIMIT "+look, order+" LIMIT "+look)
	return c.statement("SELECT * FROM (" + inOrder + ") AS walked" + matching + order + " LIMIT " + n)
}

func (q *Query) found(selectFrom string, o Order, limit int) Statement {
	c := q.clone()
	most, n := " LIMIT "+c.arg(mostFound+1), c.arg(limit)
	return c.statement("SELECT *, count(*) OVER (), " + o.By + ", " + o.Tie + " FROM (" + c.sql(selectFrom, most, most) + ") AS found ORDER BY " + o.sql() + " LIMIT " + n)
}

func (q *Query) clone() *Query {
	c := *q
	c.conditions, c.args = slices.Clone(q.conditions), slices.Clone(q.args)
	return &c
}

// outside returns the order by the names that the columns have outside of the SELECT.
func (o Order) outside() Order {
	name := func(column string) string { return column[strings.LastIndexByte(column, '.')+1:] }
	o.By, o.Tie = name(o.By), name(o.Tie)
	return o
}

// hasTrigram reports whether an index of trigrams can find the text anywhere in a name: three letters or digits in a row.
func hasTrigram(text string) bool {
	run := 0
	for _, r := range text {
		if run++; !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			run = 0
		}
		if run == 3 {
			return true
		}
	}
	return false
}
