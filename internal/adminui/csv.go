package adminui

import (
	"encoding/csv"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// export answers with all rows that match, as CSV (RFC 4180). It writes them while it reads them.
func (s *site) export(r *Resource) func(visit) error {
	return func(v visit) error {
		q := r.readQuery(v.r.URL.Query())
		q.cursor, q.back = "", false
		ctx := v.r.Context()
		if httpserver.NeedsNoBody(ctx) {
			exportHeaders(v.w.Header(), r)
			return nil
		}
		next, stop := iter.Pull2(httpserver.WithPlace(ctx, r.Rows(ctx, q.read(0))))
		defer stop()
		row, err, more := next()
		if err != nil {
			return err // nothing is written yet, so the answer can be a page
		}
		exportHeaders(v.w.Header(), r)
		out := httpserver.Streamed(ctx, v.w, s.Stream)
		table := csv.NewWriter(out)
		for failed := table.Write(r.titles()); more && err == nil && failed == nil; row, err, more = next() {
			failed = table.Write(plain(row.Cells))
		}
		table.Flush()
		if err = errors.Join(err, table.Error(), out.Flush()); err != nil {
			s.Log.WarnContext(ctx, "an export ended early", "list", r.Path, "error", err)
			panic(http.ErrAbortHandler) // the client must not take a part for the whole
		}
		return nil
	}
}

func exportHeaders(h http.Header, r *Resource) {
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+r.Path+`.csv"`)
}

// titles returns the first line of an export.
func (r *Resource) titles() (all []string) {
	for _, c := range r.Columns {
		all = append(all, c.Title)
	}
	return all
}

// formulaSigns begin what a spreadsheet may take for a formula. Some read the wide forms of East Asian keyboards too (OWASP, CSV
// Injection).
const formulaSigns = "=+-@\t\r\n＝＋－＠"

// plain returns the cells as texts. A spreadsheet would take some texts for formulas: they get an apostrophe before them.
func plain(cells []Cell) (all []string) {
	for _, c := range cells {
		text := c.String()
		if strings.IndexAny(text, formulaSigns) == 0 {
			text = "'" + text
		}
		all = append(all, text)
	}
	return all
}
