package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/config"
)

func hatColumns() []bulkimport.Column {
	return []bulkimport.Column{{Name: "name", Required: true}, {Name: "size", Kind: bulkimport.Number}}
}

// hats is a service that owns hats, and keeps them in memory. It refuses a hat with the name Crown.
type hats struct {
	mu      sync.Mutex
	stored  map[string]string
	marked  bool
	reads   func() // called before a row becomes a hat; may be nil
	yielded int    // generated hats
	most    int    // generated hats in memory at the same time, at most
}

func (h *hats) app() App[settings] {
	app := bare()
	app.Load = func(config.Needs) (settings, error) { return migrating(), nil }
	app.Migrate = func(context.Context, settings, *slog.Logger) error { return nil }
	app.OpenImport = func(context.Context, settings) (bulkimport.Target, error) {
		importer := h.model().Importer(h.sample, h.generate)
		run := importer.Run
		importer.Run = func(ctx context.Context, in bulkimport.Input, progress func(bulkimport.Progress)) (bulkimport.Summary, error) {
			h.most = max(h.most, h.yielded-len(h.stored))
			return run(ctx, in, progress)
		}
		return bulkimport.Target{Importers: []bulkimport.Importer{importer}, Marks: h, Close: func() {}}, nil
	}
	return app
}

func (h *hats) Imported(context.Context, string) (bool, error) { return h.marked, nil }
func (h *hats) Mark(context.Context, string) error             { h.marked = true; return nil }

func (h *hats) model() bulkimport.Model[[2]string] {
	return bulkimport.Model[[2]string]{
		Name: "hats", Columns: hatColumns(),
		Parse: func(r bulkimport.Row) ([2]string, []apperr.FieldError) {
			if h.reads != nil {
				h.reads()
			}
			return [2]string{r.Get("name"), r.Get("size")}, nil
		},
		Validate: func([2]string) error { return nil },
		Check: func(_ context.Context, values iter.Seq2[int, [2]string], _ func(int) string, _ func(int, error)) error {
			for range 2 {
				for range values { //nolint:revive // the check looks at each hat
				}
			}
			return nil
		},
		Write: func(_ context.Context, v [2]string) (bulkimport.Outcome, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if v[0] == "Crown" {
				return 0, apperr.New(apperr.Conflict, "the king has it")
			}
			if old, had := h.stored[v[0]]; had && old == v[1] {
				return bulkimport.Unchanged, nil
			}
			h.stored[v[0]] = v[1]
			return bulkimport.Created, nil
		},
	}
}

func (h *hats) sample() (bulkimport.Input, error) {
	return bulkimport.Read("sample hats", strings.NewReader("name\nBowler\nFez\n"), bulkimport.CSV, hatColumns())
}

func (h *hats) generate(n int) iter.Seq[bulkimport.Row] {
	return func(yield func(bulkimport.Row) bool) {
		for i := range n {
			h.yielded++
			if !yield(bulkimport.NewRow(i+1, map[string]string{"name": fmt.Sprint("Hat ", i)})) {
				return
			}
		}
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := map[string]string{"Fez": "7"}
	tests := map[string]struct {
		in   string
		args []string
		want result
		has  map[string]string
	}{
		"Sample":       {args: nil, want: result{out: "hats: 2 created, 0 updated, 0 unchanged\n"}, has: map[string]string{"Bowler": "", "Fez": ""}},
		"StandardIn":   {in: "name,size\nFez,7\n", args: []string{"-"}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"MarkAndCRLF":  {args: []string{file("a.csv", "\xef\xbb\xbfname,size\r\nFez,7\r\n")}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"JSON":         {args: []string{file("a.json", `[{"name":"Fez","size":7}]`)}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"Lines":        {args: []string{file("a.ndjson", `{"name":"Fez","size":7}`)}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"Format":       {args: []string{"--format=jsonl", file("b.csv", `{"name":"Fez","size":7}`)}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"Model":        {in: "name,size\nFez,7\n", args: []string{"--model=hats", "-"}, want: result{out: "hats: 1 created, 0 updated, 0 unchanged\n"}, has: one},
		"UnknownModel": {args: []string{"--model=coats"}, want: result{2, "", "shop: --model coats: this service has no such model\nTry: shop import --help\n"}},
		"Faults": {in: "name,size\nFez\nBowler,\xff\n", args: []string{"-"},
			want: result{1, "hats: 0 created, 0 updated, 0 unchanged\n", "shop: standard input:2: has 1 fields, the header has 2\nstandard input:3: size: is not valid UTF-8\n"}},
		"PartWritten": {in: "name,size\nCrown,1\nFez,7\n", args: []string{"-"}, has: one,
			want: result{1, "hats: 1 created, 0 updated, 0 unchanged\n", "shop: standard input:2: the king has it\n"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &hats{stored: map[string]string{}}
			if r := call(t.Context(), h.app(), strings.NewReader(tt.in), append([]string{"import"}, tt.args...)...); r != tt.want {
				t.Errorf("%+v, want %+v", r, tt.want)
			}
			if fmt.Sprint(h.stored) != fmt.Sprint(tt.has) {
				t.Errorf("stored %v, want %v", h.stored, tt.has)
			}
		})
	}
}

// With --once, deleted records do not come back with the next import of the sample.
func TestImportOnce(t *testing.T) {
	t.Parallel()
	h := &hats{stored: map[string]string{}}
	const created, skipped = "hats: 2 created, 0 updated, 0 unchanged\n",
		"hats: skipped, because the sample has been imported into this database before\n"
	for i, step := range []struct {
		args []string
		want string
		has  int
	}{
		{[]string{"--once"}, created, 2},
		{[]string{"--once"}, skipped, 0},
		{nil, created, 2},
		{[]string{"--once"}, skipped, 0},
	} {
		clear(h.stored)
		r := call(t.Context(), h.app(), nil, append([]string{"import"}, step.args...)...)
		if want := (result{out: step.want}); r != want || len(h.stored) != step.has {
			t.Errorf("step %d: %+v, %d hats; want %+v", i, r, len(h.stored), want)
		}
	}
	r := call(t.Context(), h.app(), nil, "import", "--once", "--json")
	if !strings.Contains(r.out, `"skipped": true`) {
		t.Errorf("%+v", r)
	}
}

// A sample that could not be imported completely is imported by the next try.
func TestImportOnceFailed(t *testing.T) {
	t.Parallel()
	h := &hats{stored: map[string]string{}}
	app := h.app()
	open := app.OpenImport
	app.OpenImport = func(ctx context.Context, cfg settings) (bulkimport.Target, error) {
		target, err := open(ctx, cfg)
		target.Importers[0].Sample = func() (bulkimport.Input, error) {
			return bulkimport.Read("bad hats", strings.NewReader("name\nCrown\n"), bulkimport.CSV, hatColumns())
		}
		return target, err
	}
	if r := call(t.Context(), app, nil, "import", "--once"); r.code != 1 || h.marked {
		t.Errorf("%+v, marked: %t", r, h.marked)
	}
}

func TestImportJSON(t *testing.T) {
	t.Parallel()
	h := &hats{stored: map[string]string{}}
	r := call(t.Context(), h.app(), nil, "import", "--json")
	var summary bulkimport.Summary
	if err := json.Unmarshal([]byte(r.out), &summary); err != nil || summary != (bulkimport.Summary{Model: "hats", Created: 2}) {
		t.Errorf("%+v: %+v, %v", r, summary, err)
	}
}

// No more than one batch of generated records is in memory.
func TestGenerateInBatches(t *testing.T) {
	t.Parallel()
	const n = 2*generateBatch + 1
	h := &hats{stored: map[string]string{}}
	r := call(t.Context(), h.app(), nil, "import", fmt.Sprint("--generate=", n))
	if want := (result{out: fmt.Sprintf("hats: %d created, 0 updated, 0 unchanged\n", n)}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	if h.yielded != n || h.most != generateBatch {
		t.Errorf("%d generated, %d in memory at once", h.yielded, h.most)
	}
}

// importTo imports the sample with stderr connected to a file.
func importTo(t *testing.T, stderr *os.File) {
	t.Helper()
	h := &hats{stored: map[string]string{}}
	root := New(h.app())
	root.SetArgs([]string{"import"})
	root.SetOut(io.Discard)
	root.SetErr(stderr)
	if code := execute(t.Context(), h.app(), root); code != 0 {
		t.Errorf("code %d", code)
	}
}

// If the output is not a terminal, a short import shows no progress.
func TestNoProgressInAFile(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	importTo(t, file)
	if text, err := os.ReadFile(file.Name()); err != nil || len(text) > 0 {
		t.Errorf("shown %q, %v", text, err)
	}
}

// A long import also tells a log how far it has come, every 10 seconds, from the first look at the file on.
func TestImportTellsALog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hats{stored: map[string]string{}, reads: func() { <-time.After(time.Second) }}
		in := "name,size\n"
		for i := range 20 {
			in += fmt.Sprintf("Hat %d,1\n", i)
		}
		r := call(t.Context(), h.app(), strings.NewReader(in), "import", "-")
		want := result{out: "hats: 20 created, 0 updated, 0 unchanged\n", err: `hats: 10 read
hats: 20 read
hats: 10 of 20 checked
hats: 20 of 20 checked
hats: 10 of 20 checked (pass 2)
hats: 20 of 20 checked (pass 2)
hats: 10 of 20 written
hats: 20 of 20 written
`}
		if r != want {
			t.Errorf("%+v, want %+v", r, want)
		}
	})
}
