//go:build !realkafka

package e2e

// The program of these tests knows only HTTP. So they run with make test alone.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// offer is a row of the file that legacy-sync reads.
type offer struct {
	product     any // the monolith's id
	market      string
	from, until string
}

// syncRun is the example legacy-sync with a file of offers. It reaches the monolith through a proxy, so that a test can act
// between two of its requests.
type syncRun struct {
	*system

	offers []offer
	proxy  string
	writes atomic.Int64 // that the proxy has got from the current run
	// before and after act on the n-th write of a run. If they return true, the program's connection is lost.
	before, after func(n int64) (lose bool)
}

// offerings returns a run for three products in four markets.
func (s *system) offerings() *syncRun {
	s.t.Helper()
	r := &syncRun{system: s}
	markets := []string{"AT", "BE", "CH", "DE"}
	for _, code := range markets {
		s.createMarket(code)
	}
	for n := range 3 {
		product := s.createProduct(fmt.Sprint("Desk ", n))
		for m, code := range markets {
			r.offers = append(r.offers, offer{product["id"], code, fmt.Sprintf("2026-0%d-0%d", n+1, m+1), []string{"", "2027-12-31"}[m%2]})
		}
	}
	s.settled()
	to, err := url.Parse(s.monolith.url("")) // it keeps its address when it is started again
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.forward(to, w, req) }))
	s.t.Cleanup(server.Close)
	r.proxy = server.URL
	return r
}

// forward passes a request on. If the monolith loses the connection, the program loses it as well.
func (r *syncRun) forward(to *url.URL, w http.ResponseWriter, req *http.Request) {
	n := int64(0)
	if req.Method != http.MethodGet {
		n = r.writes.Add(1)
	}
	if n > 0 && r.before != nil && r.before(n) {
		panic(http.ErrAbortHandler)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(*http.Response) error {
		if n > 0 && r.after != nil && r.after(n) {
			return http.ErrAbortHandler
		}
		return nil
	}
	proxy.ServeHTTP(w, req)
}

// begin runs legacy-sync. The channel receives what it has printed.
func (r *syncRun) begin(args ...string) <-chan result {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "offers.csv")
	rows := "product,market,availability_date,availability_end_date\n"
	for _, o := range r.offers {
		rows += fmt.Sprintf("%v,%s,%s,%s\n", o.product, o.market, o.from, o.until)
	}
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.writes.Store(0)
	cmd := exec.CommandContext(r.t.Context(), filepath.Join(binaries, "legacy-sync"), append(args, "--json", "--monolith", r.proxy, file)...)
	cmd.Env, cmd.SysProcAttr = environment(), dieWithParent()
	done := make(chan result, 1)
	go func() { done <- finish(r.t, cmd) }()
	return done
}

// outcomes is what legacy-sync prints with --json.
type outcomes struct {
	Created, Changed, Unchanged int
	Pending, Refused            []any
	NotDone                     []any `json:"not_done"`
}

// ends waits until a run has ended with this exit code.
func (r *syncRun) ends(run <-chan result, code int) (o outcomes) {
	r.t.Helper()
	ended := <-run
	if err := json.Unmarshal([]byte(ended.stdout), &o); err != nil || ended.code != code {
		r.t.Fatalf("legacy-sync ended with exit code %d, want %d: %v\n%s%s", ended.code, code, err, ended.stdout, ended.stderr)
	}
	if total := o.Created + o.Changed + o.Unchanged + len(o.Pending) + len(o.Refused) + len(o.NotDone); total != len(r.offers) {
		r.t.Errorf("the outcomes of %d rows are %+v", len(r.offers), o)
	}
	return o
}

// isCarriedOut checks that both services have each row of the file exactly once, with its dates, and nothing else.
func (r *syncRun) isCarriedOut() {
	r.t.Helper()
	r.settled()
	markets := map[any]any{}
	for _, m := range call(r.t, http.MethodGet, r.monolith.url("/api/v1/market"), nil).must(r.t, http.StatusOK).list {
		markets[m["id"]] = m["iso_code"]
	}
	var want, got []string
	for _, o := range r.offers {
		want = append(want, fmt.Sprint([]any{o.product, o.market, o.from, o.until}))
	}
	for _, e := range call(r.t, http.MethodGet, r.monolith.url("/api/v1/catalog"), nil).must(r.t, http.StatusOK).list {
		got = append(got, fmt.Sprint([]any{e["product"], markets[e["market"]], text(e["availability_date"]), text(e["availability_end_date"])}))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		r.t.Errorf("the catalog has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if all := rows(r.t, r.catalogDB, `SELECT count(*) FROM catalog_entry`); all[0] != fmt.Sprint(len(r.offers)) {
		r.t.Errorf("%s entries were created, want %d", all[0], len(r.offers))
	}
}

// text returns a date in the form of the CSV: empty if there is no date.
func text(date any) string {
	s, _ := date.(string) // null is empty
	return s
}

// An old integration brings its list into the catalog, although another service owns it. The same list again changes nothing.
func TestLegacySync(t *testing.T) {
	t.Parallel()
	r := newSystem(t).offerings()
	if o := r.ends(r.begin(), 0); o.Created != len(r.offers) {
		t.Errorf("the first run: %+v", o)
	}
	r.isCarriedOut()
	before := r.ownedEntries()
	if o := r.ends(r.begin(), 0); o.Unchanged != len(r.offers) || r.writes.Load() != 0 {
		t.Errorf("the second run sent %d changes: %+v", r.writes.Load(), o)
	}
	if after := r.ownedEntries(); !slices.Equal(after, before) {
		t.Errorf("the second run changed\n%q\nto\n%q", before, after)
	}
	r.offers[0].from, r.offers[3].until, r.offers[5].from = "2026-12-24", "", ""
	if o := r.ends(r.begin(), 0); o.Changed != 3 || o.Unchanged != len(r.offers)-3 {
		t.Errorf("the run with other dates: %+v", o)
	}
	r.isCarriedOut()
}

// The catalog is killed in the middle of a run. The rest is pending. When the catalog is back, the next run finishes everything,
// also where the file has other dates by then.
func TestLegacySyncWithoutTheCatalog(t *testing.T) {
	t.Parallel()
	r := newSystem(t).offerings()
	const served = 4
	r.before = func(n int64) bool {
		if n == served+1 {
			r.catalog.kill()
		}
		return false
	}
	// A slow catalog may leave outcomes open before it is killed as well.
	if o := r.ends(r.begin("--wait=0"), 3); o.Created+len(o.Pending) != len(r.offers) || len(o.Pending) < len(r.offers)-served {
		t.Errorf("the run without the catalog: %+v", o)
	}
	r.before = nil
	r.offers[served+2].until = "2028-01-01"
	if o := r.ends(r.begin("--wait=0"), 3); o.Created+o.Changed != 0 || len(o.Pending) < len(r.offers)-served {
		t.Errorf("another run without the catalog: %+v", o)
	}
	r.catalog = r.restart(r.catalog, r.catalogDB)
	if o := r.ends(r.begin("--wait=2m"), 0); o.Created != 0 || o.Changed != 1 || len(o.Refused)+len(o.Pending) != 0 {
		t.Errorf("the run after it: %+v", o)
	}
	r.isCarriedOut()
	if o := r.ends(r.begin(), 0); o.Unchanged != len(r.offers) {
		t.Errorf("the last run: %+v", o)
	}
}

// The monolith is killed in the middle of a run: after it has made a change, but before the program gets the answer, and before
// a request arrives. The program or its next run finishes everything, and nothing happens twice.
func TestLegacySyncWithoutTheMonolith(t *testing.T) {
	t.Parallel()
	r := newSystem(t).offerings()
	killed := make(chan struct{})
	kill := func(at int64) func(int64) bool {
		return func(n int64) bool {
			if n == at {
				r.monolith.kill()
				killed <- struct{}{}
			}
			return n == at
		}
	}

	t.Log("The program gives up.")
	r.after = kill(4)
	run := r.begin("--retry=500ms")
	<-killed
	if o := r.ends(run, 1); o.Created+len(o.Pending) != 3 || len(o.NotDone) != len(r.offers)-3 {
		t.Errorf("the run that the kill has ended: %+v", o)
	}
	r.monolith = r.restart(r.monolith, r.monolithDB)

	t.Log("The program goes on when the monolith is back.")
	for _, lost := range []struct {
		what, until   string
		before, after func(int64) bool
	}{
		{"answer", "2028-01-01", nil, kill(3)},
		{"request", "2029-01-01", kill(3), nil},
	} {
		for i := range r.offers {
			r.offers[i].until = lost.until
		}
		r.before, r.after = lost.before, lost.after
		run = r.begin("--retry=2m", "--wait=2m")
		<-killed
		r.monolith = r.restart(r.monolith, r.monolithDB)
		if o := r.ends(run, 0); o.Created+o.Changed+o.Unchanged != len(r.offers) {
			t.Errorf("the run that loses the %s: %+v", lost.what, o)
		}
		r.isCarriedOut()
	}
	if o := r.ends(r.begin(), 0); o.Unchanged != len(r.offers) {
		t.Errorf("the last run: %+v", o)
	}
}
