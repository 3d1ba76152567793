package bulkimport_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
)

// A record that never ends would be read into memory as a whole.
func TestRecordsHaveALimit(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	endless := strings.Repeat("x", size)
	for name, tt := range map[string]struct {
		format bulkimport.Format
		in     string
		rows   int
		line   int
	}{
		"a line of CSV":              {bulkimport.CSV, "code,size\na,1\n" + endless + ",2\n", 1, 3},
		"a quote that is not closed": {bulkimport.CSV, "code,size\na,1\n\"" + strings.Repeat("x\n", size/2), 1, 0},
		"the header":                 {bulkimport.CSV, endless + "\n", 0, 1},
		"a line of JSON":             {bulkimport.JSONLines, `{"code":"a"}` + "\n" + `{"code":"` + endless + `"}`, 1, 2},
		"an object":                  {bulkimport.JSON, `[{"code":"a"},` + "\n" + `{"code":"` + endless + `"}]`, 1, 2},
		"space in JSON":              {bulkimport.JSON, strings.Repeat(" ", size), 0, 1},
		"space after JSON":           {bulkimport.JSON, `{"code":"a"}` + strings.Repeat(" ", size), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := bulkimport.Read("in", strings.NewReader(tt.in), tt.format, columns)
			if err != nil {
				t.Fatal(err)
			}
			rows, faults := form(t, in)
			if len(rows) != tt.rows || !strings.Contains(faults, "is longer than 1 MiB") ||
				tt.line > 0 && !strings.HasPrefix(faults, fmt.Sprintf("in:%d: ", tt.line)) {
				t.Errorf("%d rows, faults %.200s", len(rows), faults)
			}
		})
	}
	// Records up to the limit are fine, also many of them.
	long := strings.Repeat("y", 1<<19)
	in, err := bulkimport.Read("in", strings.NewReader("code,size\n"+strings.Repeat(long+",1\n", 8)), bulkimport.CSV, columns)
	if err != nil {
		t.Fatal(err)
	}
	if rows, faults := form(t, in); len(rows) != 8 || faults != "" {
		t.Errorf("%d long rows, faults %.200s", len(rows), faults)
	}
}

// Of a million faults, nobody reads more than the first ones.
func TestFaultsHaveALimit(t *testing.T) {
	t.Parallel()
	in, err := bulkimport.Read("in", strings.NewReader("code,size\n"+strings.Repeat("a\n", 1500)), bulkimport.CSV, columns)
	if err != nil {
		t.Fatal(err)
	}
	_, faults := form(t, in)
	lines := strings.Split(faults, "\n")
	if len(lines) != 1001 || lines[0] != "in:2: has 1 fields, the header has 2" || lines[1000] != "in: 500 more faults" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

// generated is a file of rows that is never in memory.
type generated struct {
	rows int
	next int
	rest []byte
}

func (g *generated) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, fmt.Errorf("unexpected seek to %d, %d", offset, whence)
	}
	g.next, g.rest = 0, []byte("code,size\n")
	return 0, nil
}

func (g *generated) Read(p []byte) (int, error) {
	if len(g.rest) == 0 {
		if g.next == g.rows {
			return 0, io.EOF
		}
		g.rest = fmt.Appendf(nil, "a code of the row with the number %d,%d\n", g.next, g.next)
		g.next++
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// An import keeps a few bytes of each record, and not its text and its values.
func TestAnImportIsNotInMemory(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	staysSmall(t, 200_000, 0)
}

// An import does not keep the records that it tries again later, either.
func TestConflictsAreNotInMemory(t *testing.T) { //nolint:paralleltest // as above
	staysSmall(t, 200_000, 100_000)
}

// staysSmall measures the memory while rows are imported. The first ones contradict the stored data.
func staysSmall(t *testing.T, rows, conflicts int) {
	t.Helper()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	in, err := bulkimport.Read("in", &generated{rows: rows}, bulkimport.CSV, columns)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	var most int64
	look := func(i int) {
		if i == rows-1 {
			most = max(most, heap()-before)
		}
	}
	written := 0
	model := bulkimport.Model[thing]{
		Name: "things", Columns: columns,
		Parse: func(r bulkimport.Row) (thing, []apperr.FieldError) {
			return thing{r.Get("code"), r.Get("size")}, nil
		},
		Validate: func(thing) error { return nil },
		Check: func(_ context.Context, values iter.Seq2[int, thing], _ func(int) string, _ func(int, error)) error {
			for range 2 {
				for i := range values {
					look(i)
				}
			}
			return nil
		},
		Write: func(_ context.Context, v thing) (bulkimport.Outcome, error) {
			if n, err := strconv.Atoi(v.size); err != nil || n < conflicts {
				return 0, apperr.New(apperr.Conflict, "it contradicts")
			}
			return bulkimport.Created, nil
		},
	}
	summary, err := model.Run(t.Context(), in, func(p bulkimport.Progress) {
		if p.Phase != bulkimport.Writing {
			return
		}
		if written = p.Done; p.Total != rows {
			t.Errorf("of %d", p.Total)
		}
		look(p.Done + conflicts - 1)
	})
	if (err != nil) != (conflicts > 0) || summary.Created != rows-conflicts || written != rows-conflicts {
		t.Errorf("%s, %.200v", summary, err)
	}
	if limit := int64(rows * 16); most > limit {
		t.Errorf("%d bytes for %d records, more than %d", most, rows, limit)
	}
}

// What was not checked is not written.
func TestAFileThatChangesIsRefused(t *testing.T) {
	t.Parallel()
	for _, later := range []int{2, 4} {
		file := &generated{rows: 3}
		in, err := bulkimport.Read("in", file, bulkimport.CSV, columns)
		if err != nil {
			t.Fatal(err)
		}
		s := &system{stored: map[string]string{}}
		model := s.model()
		model.Check = func(context.Context, iter.Seq2[int, thing], func(int) string, func(int, error)) error {
			file.rows = later
			return nil
		}
		summary, err := model.Run(t.Context(), in, func(bulkimport.Progress) {})
		if !strings.Contains(text(err), "the file has changed while it was read") || summary.Created != min(later, 3) {
			t.Errorf("%d rows later: %s, %v", later, summary, err)
		}
	}
}
