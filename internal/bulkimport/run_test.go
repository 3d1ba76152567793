package bulkimport_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
)

var errAway = errors.New("the database is away")

func noCheck[T any](context.Context, iter.Seq2[int, T], func(int) string, func(int, error)) error {
	return nil
}

// thing is a code with a size. A size may name another thing, and then waits for it. "x" is not a valid size.
type thing struct{ code, size string }

// system is the target of the import.
type system struct {
	mu     sync.Mutex
	stored map[string]string
	writes []string
	on     func(thing) error // called before each write
}

func (s *system) model() bulkimport.Model[thing] {
	return bulkimport.Model[thing]{
		Name: "things", Columns: columns, Write: s.write, Check: check,
		Parse: func(r bulkimport.Row) (thing, []apperr.FieldError) {
			v := thing{r.Get("code"), r.Get("size")}
			if v.size == "x" {
				return thing{code: v.code}, []apperr.FieldError{{Pointer: "/size", Detail: "is not a number"}}
			}
			return v, nil
		},
		Validate: func(v thing) error {
			var faults []apperr.FieldError
			if v.code == "" {
				faults = append(faults, apperr.FieldError{Pointer: "/code", Detail: "is blank"})
			}
			if v.size == "" {
				faults = append(faults, apperr.FieldError{Pointer: "/size", Detail: "is blank"})
			}
			return apperr.InvalidFields("bad", faults...)
		},
	}
}

func check(_ context.Context, values iter.Seq2[int, thing], at func(int) string, blame func(int, error)) error {
	first := map[string]int{}
	for i, v := range values {
		if j, twice := first[v.code]; twice {
			blame(i, apperr.InvalidFields("bad", apperr.FieldError{Pointer: "/code", Detail: "appears twice, first in " + at(j)}))
			continue
		}
		first[v.code] = i
	}
	return nil
}

func (s *system) write(_ context.Context, v thing) (bulkimport.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, v.code)
	if s.on != nil {
		if err := s.on(v); err != nil {
			return 0, err
		}
	}
	old, had := s.stored[v.code]
	s.stored[v.code] = v.size
	switch {
	case !had:
		return bulkimport.Created, nil
	case old == v.size:
		return bulkimport.Unchanged, nil
	default:
		return bulkimport.Updated, nil
	}
}

func run(t *testing.T, s *system, lines string) (bulkimport.Summary, string) {
	t.Helper()
	in, err := bulkimport.Read("in", strings.NewReader("code,size\n"+lines), bulkimport.CSV, columns)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := s.model().Run(t.Context(), in, func(bulkimport.Progress) {})
	return summary, text(err)
}

func TestRun(t *testing.T) {
	t.Parallel()
	refuse := func(code string, err error) func(thing) error {
		return func(v thing) error {
			if v.code == code {
				return err
			}
			return nil
		}
	}
	tests := map[string]struct {
		in     string
		on     func(thing) error
		want   string
		err    string
		stored int // in addition to the two that were there
	}{
		"CountsWhatHappened": {in: "new,1\nsame,1\nother,2", want: "things: 1 created, 1 updated, 1 unchanged", stored: 1},
		"FaultsOfEveryStage": {
			in: "a\nb,x\n,1\nc,\x00\nd,1\nd,2\n,x", want: "things: 0 created, 0 updated, 0 unchanged",
			err: "in:2: has 1 fields, the header has 2\nin:3: size: is not a number\nin:4: code: is blank\nin:5: size: contains a NUL character\n" +
				"in:7: code: appears twice, first in line 6\nin:8: size: is not a number\nin:8: code: is blank",
		},
		"RefusedAlone": {in: "a,1\nbad,1\nb,1", on: refuse("bad", apperr.New(apperr.Conflict, "it contradicts")),
			want: "things: 2 created, 0 updated, 0 unchanged", err: "in:3: it contradicts", stored: 2},
		"StopsWhenAway": {in: "a,1", on: refuse("a", errAway), want: "things: 0 created, 0 updated, 0 unchanged",
			err: "import stopped after 0 of 1 things; run it again to go on: in:2: the database is away"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &system{stored: map[string]string{"same": "1", "other": "1"}, on: tt.on}
			summary, err := run(t, s, tt.in)
			if err != tt.err {
				t.Errorf("error\n%s\nwant\n%s", err, tt.err)
			}
			if summary.String() != tt.want {
				t.Errorf("summary %q, want %q", summary, tt.want)
			}
			if len(s.stored) != 2+tt.stored {
				t.Errorf("stored %v", s.stored)
			}
		})
	}
}

// Each record can be written only after the next one, and the writer keeps no order.
func TestRecordsWaitForEachOther(t *testing.T) {
	t.Parallel()
	const n = 12_000 // more than are in memory at a time
	s := &system{stored: map[string]string{}}
	s.on = func(v thing) error {
		if _, done := s.stored[v.size]; v.size != "none" && !done {
			return apperr.New(apperr.Conflict, "the name is taken by "+v.size)
		}
		return nil
	}
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("%d,%d", i, i+1))
	}
	lines = append(lines, fmt.Sprintf("%d,none", n), "stuck,nobody")
	summary, err := run(t, s, strings.Join(lines, "\n"))
	if want := fmt.Sprintf("in:%d: the name is taken by nobody", n+3); err != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if summary.Created != n+1 || summary.Unchanged+summary.Updated > 0 {
		t.Errorf("summary %s", summary)
	}
	if len(s.writes) > 3*n {
		t.Errorf("%d tries for %d records", len(s.writes), n)
	}
}

// Of the records that contradict the stored data, the first faults are listed and the others are counted.
func TestManyConflicts(t *testing.T) {
	t.Parallel()
	s := &system{stored: map[string]string{}, on: func(v thing) error {
		if v.code != "good" {
			return apperr.New(apperr.Conflict, "it contradicts")
		}
		return nil
	}}
	var lines strings.Builder
	lines.WriteString("good,1\n")
	for i := range 1500 {
		fmt.Fprintf(&lines, "%d,1\n", i)
	}
	summary, err := run(t, s, lines.String())
	list := strings.Split(err, "\n")
	if len(list) != 1001 || !strings.HasSuffix(list[0], ": it contradicts") || list[1000] != "in: 500 more faults" {
		t.Errorf("%d faults, the last is %q", len(list), list[len(list)-1])
	}
	if summary.String() != "things: 1 created, 0 updated, 0 unchanged" {
		t.Errorf("summary %s", summary)
	}
}

// Every phase shows how far it has come, and records with faults count when they are read.
func TestProgress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lines string
		want  []bulkimport.Progress
	}{
		"a good file": {"a,1\nb,1\n", []bulkimport.Progress{
			{Phase: bulkimport.Reading, Done: 1}, {Phase: bulkimport.Reading, Done: 2},
			{Phase: bulkimport.Checking, Pass: 1, Done: 1, Total: 2}, {Phase: bulkimport.Checking, Pass: 1, Done: 2, Total: 2},
			{Phase: bulkimport.Checking, Pass: 2, Done: 1, Total: 2}, {Phase: bulkimport.Checking, Pass: 2, Done: 2, Total: 2},
			{Phase: bulkimport.Writing, Done: 1, Total: 2}, {Phase: bulkimport.Writing, Done: 2, Total: 2},
		}},
		"faults": {"a\nb,x\n", []bulkimport.Progress{{Phase: bulkimport.Reading, Done: 1}, {Phase: bulkimport.Reading, Done: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := bulkimport.Read("in", strings.NewReader("code,size\n"+tt.lines), bulkimport.CSV, columns)
			if err != nil {
				t.Fatal(err)
			}
			model := (&system{stored: map[string]string{}}).model()
			model.Check = func(ctx context.Context, values iter.Seq2[int, thing], at func(int) string, blame func(int, error)) error {
				return errors.Join(check(ctx, values, at, blame), check(ctx, values, at, blame))
			}
			var steps []bulkimport.Progress
			_, err = model.Run(t.Context(), in, func(p bulkimport.Progress) { steps = append(steps, p) })
			if (err != nil) != (name == "faults") || !slices.Equal(steps, tt.want) {
				t.Errorf("%v, %v", steps, err)
			}
		})
	}
}

// If the caller ends an import, the error does not blame the database.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &system{stored: map[string]string{}, on: func(v thing) error {
		if v.code == "a" {
			cancel()
		}
		return ctx.Err()
	}}
	in := bulkimport.Records("made up", []bulkimport.Row{bulkimport.NewRow(1, map[string]string{"code": "a", "size": "1"})})
	_, err := s.model().Run(ctx, in, func(bulkimport.Progress) {})
	if want := "import stopped after 0 of 1 things; run it again to go on: interrupted"; text(err) != want {
		t.Errorf("error %q, want %q", text(err), want)
	}
}

// An import that ends before all records are checked writes nothing, and lists no faults that may be only a part of all.
func TestInterruptedBeforeWriting(t *testing.T) {
	t.Parallel()
	for _, phase := range []bulkimport.Phase{bulkimport.Reading, bulkimport.Checking} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &system{stored: map[string]string{}}
		in, err := bulkimport.Read("in", strings.NewReader("code,size\na,1\nb,1\n"), bulkimport.CSV, columns)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.model().Run(ctx, in, func(p bulkimport.Progress) {
			if p.Phase == phase {
				cancel()
			}
		})
		want := "import stopped before the check of in was complete, and nothing was written; run it again: interrupted"
		if text(err) != want || len(s.writes) > 0 {
			t.Errorf("phase %d: %d writes, error %q, want %q", phase, len(s.writes), text(err), want)
		}
	}
}

// A fault that may disappear leads to another try. The summary counts all tries together.
func TestRunWaiting(t *testing.T) {
	t.Parallel()
	s := &system{stored: map[string]string{"same": "1"}}
	tries := 0
	s.on = func(v thing) error {
		if v.code != "late" {
			return nil
		}
		if tries++; tries < 3 {
			return apperr.Coded(apperr.Invalid, bulkimport.UnknownReference, "has not arrived")
		}
		return nil
	}
	rows := make([]bulkimport.Row, 0, 3)
	for i, code := range []string{"same", "late", "early"} {
		rows = append(rows, bulkimport.NewRow(i+1, map[string]string{"code": code, "size": "1"}))
	}
	importer := s.model().Importer(nil, nil)
	waited := 0
	tell := bulkimport.Tell{Waiting: func(reason error) {
		if waited++; text(reason) != "made up:2: has not arrived" {
			t.Errorf("waits for %v", reason)
		}
	}}
	summary, err := importer.RunWaiting(t.Context(), 0, bulkimport.Records("made up", rows), tell)
	if text(err) != "made up:2: has not arrived" || summary.String() != "things: 1 created, 0 updated, 1 unchanged" {
		t.Errorf("without patience: %s, %v", summary, err)
	}
	if waited != 0 {
		t.Error("waits without patience")
	}
	delete(s.stored, "early")
	tries = 1
	summary, err = importer.RunWaiting(t.Context(), time.Minute, bulkimport.Records("made up", rows), tell)
	if err != nil || summary.String() != "things: 2 created, 0 updated, 1 unchanged" {
		t.Errorf("with patience: %s, %v", summary, err)
	}
	if waited != 1 {
		t.Errorf("reported %d times that it waits, want once", waited)
	}
	if got := slices.Sorted(maps.Keys(s.stored)); !slices.Equal(got, []string{"early", "late", "same"}) {
		t.Errorf("stored %v", got)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
