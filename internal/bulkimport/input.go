package bulkimport

// Row is one record as text. A JSON null, an absent member and an empty CSV field are all the empty string.
type Row struct {
	Line   int
	fields map[string]string
	faults []Fault // of its form; its other columns are still checked
}

// NewRow returns a row that was not read from text, but generated or taken from a library.
func NewRow(line int, fields map[string]string) Row { return Row{Line: line, fields: fields} }

// Get returns the value of a column, or the empty string.
func (r Row) Get(column string) string { return r.fields[column] }

// blame adds a fault of the row's form.
func (r *Row) blame(column, detail string) {
	r.faults = append(r.faults, Fault{Line: r.Line, Column: column, Detail: detail})
}

// Input is what an import reads, as often as it needs to: it is never in memory as a whole.
type Input struct {
	Source string // its name for people: a path, "standard input"
	unit   string // what the rows' numbers count: "line" or "record"
	// scan reads the input from its beginning. It returns an error only if it could not read on.
	scan func(*scanner) error
}

// scanner gets what is read.
type scanner struct {
	row   func(Row) (more bool)
	fault func(Fault) // a fault of form that left no row
}

// blame tells a fault that belongs to no row.
func (s *scanner) blame(line int, detail string) { s.fault(Fault{Line: line, Detail: detail}) }

// Records returns an input that was not read from text.
func Records(source string, rows []Row) Input {
	return Input{Source: source, unit: "record", scan: func(s *scanner) error {
		for _, row := range rows {
			if !s.row(row) {
				break
			}
		}
		return nil
	}}
}

// Rows returns all rows of a small input.
func (in Input) Rows() (rows []Row, err error) {
	err = in.scan(&scanner{row: func(r Row) bool { rows = append(rows, r); return true }, fault: func(Fault) {}})
	return rows, err
}

// Unreadable returns the faults of an input in which no row can be read, or nil. No further faults can be found in such an
// input.
func (in Input) Unreadable() error {
	faults, readable := &Faults{Source: in.Source}, false
	err := in.scan(&scanner{row: func(Row) bool { readable = true; return false }, fault: func(f Fault) { faults.add(f) }})
	switch {
	case err != nil:
		return err
	case readable:
		return nil
	default:
		return faults.orNil()
	}
}
