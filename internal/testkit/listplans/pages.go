package listplans

import (
	"maps"
	"net/http"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/manyrows"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// search is the parameter of admin pages that searches.
const search = "q"

// mostSearched is mostBuffers for a page of a search among entries. It can read all of an index: about 25 ms.
const mostSearched = 3000

// RunPages shows the same of the lists of admin pages: with each sort, and with all combinations of filters and a search, on the first
// page and on the next one. It uses Pool, Tables, Prepare and Filters of cfg. Filters has a value for each filter of the lists, and one
// for the search, which is "q". Searches need statistics, and the others do without. Counts are not examined: they end after some rows,
// and after some time.
func RunPages(t *testing.T, cfg Config, serve func(*pgxpool.Pool) (*admintest.Site, []adminui.Resource)) {
	t.Helper()
	manyrows.Fill(t, pgtest.URL(cfg.Pool), rows, cfg.Tables...)
	if _, err := cfg.Pool.Exec(t.Context(), cfg.Prepare); err != nil {
		t.Fatal(err)
	}
	s := &service{cfg: cfg, record: &recorder{}}
	site, lists := serve(open(t, cfg.Pool, func(config *pgxpool.Config) { config.ConnConfig.Tracer = s.record }))
	b := site.SignIn(account.Viewer)
	without := maps.Clone(cfg.Filters)
	delete(without, search)
	s.checkPages(t, b, lists, without, mostBuffers)
	if _, err := cfg.Pool.Exec(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	s.checkPages(t, b, lists, cfg.Filters, mostSearched)
}

// checkPages looks at all lists with these filters. No page may read more than most buffers.
func (s *service) checkPages(t *testing.T, b *admintest.Browser, lists []adminui.Resource, filters map[string]string, most int) {
	t.Helper()
	pages := 0
	check := func(path string) (next string) {
		t.Helper()
		pages++
		s.record.take()
		page := b.Get(path).Must(http.StatusOK)
		for _, statement := range s.record.take() {
			statement.check(t, s.cfg, most, path)
		}
		return page.Page("next")
	}
	for _, list := range lists {
		for _, first := range addresses(t, list, filters) {
			if next := check(first); next != "" {
				check(next)
			}
		}
	}
	t.Logf("looked at %d pages", pages)
}

// addresses returns the address of the first page of a list with each sort, and with each combination of filters and a search.
func addresses(t *testing.T, list adminui.Resource, values map[string]string) (all []string) {
	t.Helper()
	var names []string
	if list.Search != "" && values[search] != "" {
		names = append(names, search)
	}
	for _, f := range list.Filters {
		if values[f.Name] == "" {
			t.Fatalf("the filter %s of %s has no value", f.Name, list.Path)
		}
		names = append(names, f.Name)
	}
	for _, column := range list.Columns {
		if column.Sort == "" {
			continue
		}
		for _, sort := range []string{column.Sort, "-" + column.Sort} {
			for combination := range 1 << len(names) {
				params := url.Values{"sort": {sort}}
				for i, name := range names {
					if combination&(1<<i) != 0 {
						params.Set(name, values[name])
					}
				}
				all = append(all, "/"+list.Path+"?"+params.Encode())
			}
		}
	}
	return all
}
