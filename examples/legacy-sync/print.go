package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// summary says what became of the rows of the file.
type summary struct {
	DryRun    bool         `json:"dry_run"`
	Created   int          `json:"created"`
	Changed   int          `json:"changed"`
	Unchanged int          `json:"unchanged"`
	Pending   []pendingRow `json:"pending"`
	Refused   []refusedRow `json:"refused"`
	NotDone   []lineOf     `json:"not_done"` // the run ended before it knew what became of these rows
}

type lineOf struct {
	Line    int    `json:"line"` // of the file, from 1
	Product int64  `json:"product"`
	Market  string `json:"market"`
}

type pendingRow struct {
	lineOf

	Change *change `json:"change"` // null if the entry exists, but cannot be read yet
}

type refusedRow struct {
	lineOf

	Problem string `json:"problem"`
}

func summarize(rows []*row, dryRun bool) summary {
	s := summary{DryRun: dryRun, Pending: []pendingRow{}, Refused: []refusedRow{}, NotDone: []lineOf{}}
	for _, r := range rows {
		at := lineOf{r.line, r.product, r.market}
		switch r.state {
		case created:
			s.Created++
		case changed:
			s.Changed++
		case unchanged:
			s.Unchanged++
		case pending:
			s.Pending = append(s.Pending, pendingRow{at, r.change})
		case refused:
			s.Refused = append(s.Refused, refusedRow{at, reason(r.problem)})
		default:
			s.NotDone = append(s.NotDone, at)
		}
	}
	return s
}

// reason returns a problem in one line, without the address of the request.
func reason(err error) string {
	problem, ok := errors.AsType[*apiclient.Problem](err)
	if !ok {
		return err.Error()
	}
	text := problem.Detail
	if text == "" {
		text = problem.Title
	}
	for _, fault := range problem.Errors {
		text += fmt.Sprintf(" [%s]", strings.TrimSpace(fault.Pointer+" "+fault.Detail))
	}
	return text + " (" + problem.Name() + ")"
}

func (s summary) print(asJSON bool, out io.Writer) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	var text strings.Builder
	for _, r := range s.Refused {
		fmt.Fprintf(&text, "line %d: product %d in %s was refused: %s\n", r.Line, r.Product, r.Market, r.Problem)
	}
	if s.DryRun {
		text.WriteString("nothing was sent; a run would have: ")
	}
	fmt.Fprintf(&text, "%d created, %d changed, %d unchanged, %d pending, %d refused\n",
		s.Created, s.Changed, s.Unchanged, len(s.Pending), len(s.Refused))
	if len(s.Pending) > 0 {
		text.WriteString("The pending changes are carried out later. Run legacy-sync again to see what became of them.\n")
	}
	if len(s.NotDone) > 0 {
		fmt.Fprintf(&text, "%d not done, from line %d on. Run legacy-sync again.\n", len(s.NotDone), s.NotDone[0].Line)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// progress shows on a terminal how far the run is. If the output is not a terminal, it shows nothing.
type progress struct {
	out   io.Writer // nil if the output is not a terminal
	shown time.Time
}

func newProgress(out io.Writer) *progress {
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{out: out}
}

func (p *progress) report(what string, done, total int) {
	if p.out == nil || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r\x1b[K%d of %d %s", done, total, what)
}

func (p *progress) end() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
