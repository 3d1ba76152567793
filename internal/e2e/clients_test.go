//go:build clients

package e2e

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
)

// The programs that use the clients run against a demo with its sample data, in the same way as users run them. `make examples`
// builds the TypeScript parts first.
func TestClientsOnTheDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t, reachable(t))
	report := filepath.Join(t.TempDir(), "legacy-report")
	outcome(t, "go", "build", "-o", report, "../../examples/legacy-report").ok(t)

	t.Run("TypeScriptClient", func(t *testing.T) { //nolint:paralleltest // the other subtests count entities
		cmd := exec.CommandContext(t.Context(), "npm", "run", "test:services")
		cmd.Dir = "../../api/client/ts"
		cmd.Env = environment("MONOLITH_URL="+d.monolith, "CATALOG_URL="+d.catalog)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("LegacyReport", func(t *testing.T) { d.checkLegacyReport(t, report) }) //nolint:paralleltest // all subtests share one demo
	t.Run("LegacySync", d.checkLegacySync)                                       //nolint:paralleltest // all subtests share one demo
	t.Run("StorefrontLists", d.checkStorefrontLists)                             //nolint:paralleltest // all subtests share one demo
	t.Run("StorefrontWaits", d.checkStorefrontWaits)                             //nolint:paralleltest // all subtests share one demo
	t.Run("StorefrontSaysWhatIsWrong", d.checkStorefrontFaults)                  //nolint:paralleltest // all subtests share one demo

	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-d.done
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the demo ends with exit code %d\n%s", code, d.out)
	}
}

// outcome runs a program to its end.
func outcome(t *testing.T, name string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = environment()
	return finish(t, cmd)
}

// storefront returns the command line of the built example.
func storefront(t *testing.T, args ...string) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is missing; install 20.3 or newer: https://nodejs.org/en/download")
	}
	const program = "../../examples/storefront/dist/main.js"
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%s is not built; run the tests by `make examples`", program)
	}
	return append([]string{node, program}, args...)
}

func runStorefront(t *testing.T, args ...string) result {
	t.Helper()
	line := storefront(t, args...)
	return outcome(t, line[0], line[1:]...)
}

// The report has a line for every entry of the legacy API, as a table and as CSV. With --product it has the entries of one product.
func (d *demo) checkLegacyReport(t *testing.T, program string) {
	entries := call(t, http.MethodGet, d.monolith+"/api/v1/catalog", nil).must(t, http.StatusOK).list
	if len(entries) < 600 {
		t.Fatalf("%d entries in the sample data", len(entries))
	}
	table := outcome(t, program, "--monolith", d.monolith).ok(t)
	lines := strings.Split(strings.TrimSuffix(table.stdout, "\n"), "\n")
	if want := fmt.Sprint(len(entries), " offers"); len(lines) != len(entries)+2 || lines[len(lines)-1] != want || !strings.HasPrefix(lines[0], "MARKET") {
		t.Errorf("the table has %d lines, from %q to %q, want %q", len(lines), lines[0], lines[len(lines)-1], want)
	}
	d.checkReported(t, entries, outcome(t, program, "--monolith", d.monolith, "--csv").ok(t).stdout)

	one := slices.DeleteFunc(slices.Clone(entries), func(e map[string]any) bool { return e["product"] != entries[0]["product"] })
	d.checkReported(t, one, outcome(t, program, "--monolith", d.monolith, "--csv", "--product", fmt.Sprint(entries[0]["product"])).ok(t).stdout)
	if r := outcome(t, program, "--monolith", d.monolith, "--product", "999999999"); r.code != 1 || r.stderr != "legacy-report: there is no product 999999999\n" {
		t.Errorf("for a product that does not exist: %+v", r)
	}
}

// checkReported compares the report with the entries. The report has the names of their products and markets.
func (d *demo) checkReported(t *testing.T, entries []map[string]any, report string) {
	t.Helper()
	products, markets := map[any]map[string]any{}, map[any]any{}
	for _, p := range call(t, http.MethodGet, d.monolith+"/api/v1/product?include_discontinued=true", nil).must(t, http.StatusOK).list {
		products[p["id"]] = p
	}
	for _, m := range call(t, http.MethodGet, d.monolith+"/api/v1/market", nil).must(t, http.StatusOK).list {
		markets[m["id"]] = m["iso_code"]
	}
	var want []string
	for _, e := range entries {
		p := products[e["product"]]
		want = append(want, fmt.Sprintf("%q", []string{
			fmt.Sprint(markets[e["market"]]), fmt.Sprint(p["name"]), fmt.Sprint(p["product_category"]), fmt.Sprint(p["discontinued"]),
			text(e["availability_date"]), text(e["availability_end_date"]),
		}))
	}
	records, err := csv.NewReader(strings.NewReader(report)).ReadAll()
	if err != nil || len(records) == 0 {
		t.Fatalf("%d records: %v", len(records), err)
	}
	var got []string
	for _, record := range records[1:] {
		got = append(got, fmt.Sprintf("%q", record))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the report is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// legacy-sync writes through the legacy API of a demo, also as its README shows.
func (d *demo) checkLegacySync(t *testing.T) {
	product := call(t, http.MethodPost, d.monolith+"/api/v1/product", map[string]any{"name": "Rope ladder", "product_category": "Garden"}).must(t, http.StatusCreated).object
	file := filepath.Join(t.TempDir(), "offers.csv")
	rows := fmt.Sprintf("product,market,availability_date,availability_end_date\n%[1]v,NL,2026-03-01,2026-09-30\n%[1]v,DE,,\n", product["id"])
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(binaries, "legacy-sync")
	for _, run := range []struct {
		options []string
		want    string
	}{
		{[]string{"--dry-run"}, "nothing was sent; a run would have: 2 created, 0 changed, 0 unchanged, 0 pending, 0 refused\n"},
		{nil, "2 created, 0 changed, 0 unchanged, 0 pending, 0 refused\n"},
		{nil, "0 created, 0 changed, 2 unchanged, 0 pending, 0 refused\n"},
	} {
		if r := outcome(t, program, append(run.options, "--monolith", d.monolith, file)...).ok(t); r.stdout != run.want || r.stderr != "" {
			t.Errorf("%q printed %q %q, want %q", run.options, r.stdout, r.stderr, run.want)
		}
	}
	entries := call(t, http.MethodGet, fmt.Sprint(d.monolith, "/api/v1/catalog?product=", product["id"]), nil).must(t, http.StatusOK).list
	if len(entries) != 2 || text(entries[0]["availability_end_date"]) != "2026-09-30" || text(entries[1]["availability_date"]) != "" {
		t.Errorf("the entries are %v", entries)
	}
}

// The storefront lists exactly the available products of the service, by name.
func (d *demo) checkStorefrontLists(t *testing.T) {
	names := map[string]string{}
	for next := "/catalog/api/v1/products?include_discontinued=true&limit=200"; next != ""; {
		r := call(t, http.MethodGet, d.catalog+next, nil).must(t, http.StatusOK)
		for _, p := range r.list {
			names[p["product_uuid"].(string)] = p["name"].(string)
		}
		next, _, _ = strings.Cut(strings.TrimPrefix(r.header.Get("Link"), "<"), ">")
	}
	listed := 0
	for _, day := range []string{"2026-01-01", "2027-06-30"} {
		var want, got []string
		for _, e := range call(t, http.MethodGet, d.catalog+"/catalog/api/v1?market=DE&limit=200&available_on="+day, nil).must(t, http.StatusOK).list {
			want = append(want, names[e["product"].(string)])
		}
		out := runStorefront(t, "--catalog", d.catalog, "--market", "DE", "--on", day).ok(t).stdout
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for _, line := range lines[1 : len(lines)-1] {
			got = append(got, regexp.MustCompile(` {2,}`).Split(line, 2)[0])
		}
		slices.Sort(want)
		if !slices.Equal(got, want) || lines[len(lines)-1] != fmt.Sprint(len(want), " available") {
			t.Errorf("on %s:\n%s\nwant %q", day, out, want)
		}
		listed += len(want)
	}
	if listed == 0 {
		t.Error("nothing is available in the sample data")
	}
}

// The storefront sees a product that is created in the monolith while it waits.
func (d *demo) checkStorefrontWaits(t *testing.T) {
	const name = "Hammock & stand, 100% cotton"
	looked, asked := make(chan struct{}), sync.Once{}
	catalog, err := url.Parse(d.catalog)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(catalog)
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Query().Get("search") == name {
			asked.Do(func() { close(looked) })
		}
		return nil
	}
	between := httptest.NewServer(proxy)
	t.Cleanup(between.Close)

	line := storefront(t, "--catalog", between.URL, "--wait", name, "--timeout", "60")
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.SysProcAttr = dieWithParent()
	done := make(chan result, 1)
	go func() { done <- finish(t, cmd) }()
	select {
	case <-looked:
	case r := <-done:
		t.Fatalf("it did not wait: %+v", r)
	}
	product := call(t, http.MethodPost, d.monolith+"/api/v1/product", map[string]any{"name": name, "product_category": "Garden"}).must(t, http.StatusCreated).object
	r := (<-done).ok(t)
	if want := fmt.Sprintf("%s (Garden) has arrived as %s\n", name, product["product_uuid"]); r.stdout != want || r.stderr != "" {
		t.Errorf("printed %q %q, want %q", r.stdout, r.stderr, want)
	}
}

func (d *demo) checkStorefrontFaults(t *testing.T) {
	away := "http://" + freeport.Addr(t)
	for name, tt := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"Help":          {[]string{"--help"}, 0, "--wait NAME", ""},
		"Nothing":       {nil, 2, "", "either --market or --wait; try --help"},
		"Both":          {[]string{"--market", "DE", "--wait", "x"}, 2, "", "either --market or --wait"},
		"UnknownOption": {[]string{"--shop"}, 2, "", "--shop"},
		"NoURL":         {[]string{"--market", "DE", "--catalog", "localhost:8001"}, 2, "", "want one like http://127.0.0.1:8000"},
		"NoTimeout":     {[]string{"--wait", "x", "--timeout", "soon"}, 2, "", "must be a number of seconds"},
		"NoDate":        {[]string{"--market", "DE", "--on", "soon", "--catalog", d.catalog}, 1, "", "/query/available_on"},
		"Away":          {[]string{"--market", "DE", "--catalog", away}, 1, "", "ECONNREFUSED"},
		"AwayForGood":   {[]string{"--wait", "x", "--timeout", "0.5", "--catalog", away}, 1, "", "arrived within 0.5 s: fetch failed: connect ECONNREFUSED"},
		"NeverArrives":  {[]string{"--wait", "Nobody makes this", "--timeout", "0.5", "--catalog", d.catalog}, 1, "", `no product named "Nobody makes this" arrived within 0.5 s`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runStorefront(t, tt.args...)
			if r.code != tt.code || !strings.Contains(r.stdout, tt.stdout) || !strings.Contains(r.stderr, tt.stderr) || (tt.stderr == "") != (r.stderr == "") {
				t.Errorf("%+v", r)
			}
		})
	}
}
