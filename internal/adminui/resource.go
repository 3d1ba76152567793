package adminui

import (
	"context"
	"iter"
	"regexp"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// Resource describes one kind of things that the admin pages list, and may change. Its functions call the same rules as the API
// of the service. The pages check the session and the role before they call a function.
type Resource struct {
	Path      string // the pages are at this path below the first page, such as "products"
	One, Many string // what people call the things, such as "product" and "products"
	About     string // one sentence for the list and the overview
	// Owner is the service that owns the things, if this service only has copies of them: its name in a sentence, such as "the
	// catalog service". With Create, Change and Delete, people can ask it for changes.
	Owner string
	// Model is what the history calls the things, if this service owns them. Then each thing has a history, under the key of its events.
	Model string
	// Topic has the events of the things. With it, the pages show the way of the last change of a thing.
	Topic string

	Columns []Column // the cells of the first one lead to the page of the thing
	Filters []Filter
	Sort    string // the order of the list at first: the name of a sort, with "-" before it for the reversed order
	Search  string // what a search looks at, such as "the name"; empty if the list has no search
	Empty   string // where the things come from, if there are none yet and people do not only create them here; may be empty

	// Rows yields the rows of the query, while they are read.
	Rows func(ctx context.Context, q Query) iter.Seq2[Row, error]
	// Count returns how many rows each query has, but never more than most. It returns only those that are known in a short time: the
	// first ones, or none.
	Count func(ctx context.Context, queries []Query, most int) ([]int, error)
	// Waiting returns things of the query that are not in the list, because their owner has to create them first, or has refused that
	// lately. It may be nil.
	Waiting func(ctx context.Context, q Query) (Waiting, error)
	// Get returns one thing. It fails with apperr.NotFound if there is none with the id.
	Get func(ctx context.Context, id string) (Item, error)

	Fields []Field
	// Create, Change and Delete are nil if nobody may do that here. Change and Delete fail with apperr.Stale if the thing is not at
	// the version any more.
	Create func(ctx context.Context, values Values) (Saved, error)
	Change func(ctx context.Context, id string, version int64, values Values) (Saved, error)
	Delete func(ctx context.Context, id string, version int64) (Saved, error)
	// Follows returns what follows from the deletion of a thing, in sentences. It may be nil.
	Follows func(ctx context.Context, id string) ([]string, error)
	// Actions are what a person can do to many things at once.
	Actions []Action
	// FieldOf has the field at which a conflict is shown, by the name of its problem.
	FieldOf map[string]string
}

// Column is a column of a list.
type Column struct {
	Title string
	Sort  string // the name of the sort by this column; empty if there is none
}

// Row is a row of a list.
type Row struct {
	ID      string
	Version int64
	Cells   []Cell
	// Position is where the list continues after this row. It must be encodable as JSON.
	Position any
}

// Waiting are things that their owner has to create first. The list shows them above its rows.
type Waiting struct {
	Title, About string
	Heads        []string
	Rows         []WaitingRow
	More         *Link // to a list that has the others, too; nil if these are all
}

// WaitingRow is one thing that its owner has to create first.
type WaitingRow struct {
	ID    string // of the page of the thing
	Cells []Cell // as the heads
	Link  Link   // to what was asked for, in the last column
}

// Filter keeps the rows with one value. A list can have several filters.
type Filter struct {
	Name, Title string
	// Fixed are the values from which people can choose, if they are always the same. Other values in an address are ignored.
	Fixed []Choice
	// Choices returns the values from which people can choose. It is nil for a filter with fixed ones, and for one that only links set.
	Choices func(ctx context.Context) ([]Choice, error)
	// Label returns the value as people call it. It is nil if the choices have it.
	Label func(ctx context.Context, value string) (string, error)
}

// Values are the values of a form, by the names of the fields. A checked box has the value On.
type Values map[string]string

// On is the value of a checked box. A box that is not checked has no value.
const On = "on"

// Kind says how a value is entered.
type Kind string

// The kinds of fields.
const (
	TextField Kind = "text"
	BoxField  Kind = "box"
	DateField Kind = "date" // a day, such as 2026-03-01
	PickField Kind = "pick" // a thing that people search
)

// Field is a value that a person enters.
type Field struct {
	Name     string // the name of the member in the API, too: faults have it as their pointer
	Title    string
	Help     string
	Kind     Kind
	Longest  int // the number of characters of a text
	Required bool
	Fixed    bool // it is entered once, and never changes
	// Find returns some things for PickField that match a text, and Label the title of the one with this value.
	Find  func(ctx context.Context, text string) ([]Choice, error)
	Label func(ctx context.Context, value string) (string, error)
}

// Item is one thing, as its page shows it.
type Item struct {
	ID      string
	Title   string
	Version int64
	Key     string // of its events; may be empty
	Values  Values
	Facts   []Fact // what is known about the thing, and is not entered
	Notice  string // what a person must know about its state; may be empty
	// Locked means that nobody can change the thing at the moment.
	Locked bool
	Links  []Link // to related pages
}

// Fact is a value with its name.
type Fact struct {
	Name string
	Cell Cell
}

// Link leads to another page, below the first page.
type Link struct {
	Path, Text string
	Changes    bool // the page changes data, so only those who may do that see the link
}

// Saved is what a change has done.
type Saved struct {
	ID string
	// Note tells the person what happened. If it is empty, the page says that the thing was saved.
	Note string
	// Pending means that the owner of the thing has not decided yet. The page of the thing says more.
	Pending bool
	// Key and Version name the event of the change, if there is one.
	Key     string
	Version int64
}

// Action is what a person can do to many things at once.
type Action struct {
	Name    string
	Title   string   // such as "Discontinue"
	Done    string   // what the things are afterwards, such as "discontinued"
	Follows []string // what follows, in sentences
	Danger  bool
	// Only has values of filters. If the action is for all things that match, only those with these values are meant.
	Only map[string]string
	// Do does it to one thing. It fails with apperr.Stale if the thing is not at the version any more.
	Do func(ctx context.Context, id string, version int64) error
}

// Query is what a list shows.
type Query struct {
	Search  string
	Filters map[string]string
	Sort    string // the name of a sort
	Desc    bool   // the reversed order
	Limit   int    // 0 for all rows
	list    string // the list to which a cursor belongs
	cursor  string
}

// After returns the position after which the list continues, or nil at the beginning.
func After[P any](q Query) (*P, error) {
	after, err := httpserver.ReadCursor[P](&q.cursor, q.identity())
	if err != nil {
		return nil, apperr.New(apperr.Malformed, "The address does not say where the list continues. It may be cut off, or of another list. Begin at the first page of the list.").Because(err)
	}
	return after, nil
}

// identity is what a cursor belongs to.
func (q Query) identity() any {
	q.Limit, q.cursor = 0, ""
	return struct {
		Query
		List string
	}{q, q.list}
}

// path lets the layout know to which resource a page belongs.
func (r *Resource) path() string { return r.Path }

// NamedByTitle returns a text in which fields have their titles instead of the names that only the API has.
func NamedByTitle(fields []Field, text string) string {
	for _, f := range fields {
		if strings.Contains(f.Name, "_") { // another name is a word of the language, too
			text = regexp.MustCompile(`\b`+regexp.QuoteMeta(f.Name)+`\b`).ReplaceAllLiteralString(text, "“"+f.Title+"”")
		}
	}
	return text
}

// titleOf returns the title of a field. A value that is not a field of the form keeps its name.
func (r *Resource) titleOf(field string) string {
	for _, f := range r.Fields {
		if f.Name == field {
			return f.Title
		}
	}
	return field
}
