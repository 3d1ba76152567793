package archtest_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	all := documents(t, root)
	for _, kind := range kindsOfNames(t, root) {
		found := 0
		for _, d := range all {
			if d.name == "CHANGELOG.md" { // it also names what was removed
				continue
			}
			for _, name := range kind.in(d) {
				found++
				if !kind.known(name) {
					t.Errorf("%s: there is no %s %s", d.name, kind.what, name)
				}
			}
		}
		if found < kind.least {
			t.Errorf("found %d names of the kind %q in the documents, want at least %d: the pattern no longer finds them",
				found, kind.what, kind.least)
		}
	}
}

// A misspelling of each kind is noticed, in a text and in shell commands. A correct name beside it is not reported.
func TestMisspelledNamesAreNoticed(t *testing.T) {
	t.Parallel()
	d := parse("docs/x.md", "`OUTBOX_SWEEP_MIN` `OUTBOX_SWEEP_MINN` `LOG_LEVEL=debug`\n"+
		"`monsplit_outbox_shards_held` `monsplit_outbox_shards_hold` `consumer_lag` `consumer_lagg` `monsplit_build_info`\n"+
		"`/readyz` `/reedyz` `/catalog/docs/events` `/admin` `/api/v1/produkt` `GET /api/v1/product/17` `/catalog/api/v1/market/DE`\n"+
		"`product_has_event` `product_has_events` `outbox.NewRelay` `outbox.MakeRelay` `verdictOfCode` `verdictOfCodes` `event.Partitioning`\n"+
		"`SERVICE outbox status` `outbox statuz` `bin/monolith outbox list --pending` `bin/catalog outbox list --pnding` `monolith srve`\n"+
		"`--data-dir` `--datadir` `make demo ARGS=\"--kafka x\"` `make demo ARGS=--kafqa` `go vet ./internal/e2e ./internal/e3e/...`\n"+
		"```sh\nOUTBOX_SWEEP_MAXX=1 bin/monolith servee # comment_of_nothing\ncurl 'localhost:8001/catalog/reedyz?a=b' localhost:8000/api/v1/product/$ID/x\n```\n")
	want := map[string][]string{
		"environment variable": {"OUTBOX_SWEEP_MINN", "OUTBOX_SWEEP_MAXX"},
		"metric":               {"monsplit_outbox_shards_hold"},
		"path of a service":    {"/reedyz", "/api/v1/produkt", "/catalog/api/v1/market/DE", "/catalog/reedyz", "/api/v1/product/$ID/x"},
		"identifier": {"OUTBOX_SWEEP_MINN", "monsplit_outbox_shards_hold", "consumer_lagg", "product_has_events", "MakeRelay", "verdictOfCodes",
			"OUTBOX_SWEEP_MAXX"},
		"member of a package": {"outbox.MakeRelay", "event.Partitioning"},
		"command":             {"outbox statuz", "outbox list --pnding", "srve", "servee"},
		"option":              {"--datadir", "--kafqa"},
		"package":             {"./internal/e3e/..."},
	}
	for _, kind := range kindsOfNames(t, os.DirFS("../..")) {
		unknown := slices.DeleteFunc(kind.in(d), kind.known)
		if !slices.Equal(unknown, want[kind.what]) {
			t.Errorf("of the kind %q, %q are noticed, want %q", kind.what, unknown, want[kind.what])
		}
		delete(want, kind.what)
	}
	if len(want) > 0 {
		t.Errorf("there is no kind for %q", strings.Join(slices.Sorted(maps.Keys(want)), ", "))
	}
}
