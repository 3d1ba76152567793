package entryrequest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
)

var (
	chair = uuid.UUID{0xc}
	desk  = uuid.UUID{0xd}
	id    = uuid.UUID{1}
	cause = uuid.UUID{2} // the request
	start = day("2026-03-01")
	end   = day("2026-12-31")
)

func day(s string) entry.Date {
	d, err := entry.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// call is a call of the entries' service.
type call struct {
	method string
	id     uuid.UUID
	draft  entry.Draft
	patch  entry.Patch
	match  condition.Match
}

// recorder records the calls. Each call appends an event, and answers with version 5.
type recorder struct {
	calls   []call
	changed bool
	fails   error
}

func (r *recorder) record(ctx context.Context, tx entry.Tx, c call) (entry.Entry, error) {
	r.calls = append(r.calls, c)
	if r.fails != nil {
		return entry.Entry{}, r.fails
	}
	return entry.Entry{ID: c.id, Version: 5}, tx.Append(ctx, entry.Event{}, entry.Event{})
}

func (r *recorder) CreateIn(ctx context.Context, tx entry.Tx, id uuid.UUID, d entry.Draft) (entry.Entry, error) {
	return r.record(ctx, tx, call{method: "create", id: id, draft: d})
}

func (r *recorder) PatchIn(
	ctx context.Context, tx entry.Tx, id uuid.UUID, p entry.Patch, match condition.Match,
) (entry.Entry, bool, error) {
	e, err := r.record(ctx, tx, call{method: "patch", id: id, patch: p, match: match})
	return e, r.changed, err
}

func (r *recorder) DeleteIn(ctx context.Context, tx entry.Tx, id uuid.UUID, match condition.Match) (entry.Entry, error) {
	return r.record(ctx, tx, call{method: "delete", id: id, match: match})
}

// memTx keeps events and locks.
type memTx struct {
	entry.Tx
	causes []uuid.UUID
	locks  []string
	fails  string
}

func (t *memTx) Entries() entry.Tx { return t }

func (t *memTx) Append(_ context.Context, events ...entry.Event) error {
	for _, e := range events {
		t.causes = append(t.causes, e.Cause)
	}
	return nil
}

var errAway = errors.New("the database is away")

func (t *memTx) lock(what string) error {
	t.locks = append(t.locks, what)
	if t.fails == what {
		return errAway
	}
	return nil
}

func (t *memTx) ShareProducts(_ context.Context, ids []uuid.UUID) error {
	for _, id := range ids {
		if err := t.lock(fmt.Sprintf("product %x", id[0])); err != nil {
			return err
		}
	}
	return nil
}

func (t *memTx) ShareMarkets(_ context.Context, codes []string) error {
	for _, code := range codes {
		if err := t.lock("market " + code); err != nil {
			return err
		}
	}
	return nil
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ended := entry.Patch{End: &end}
	for name, tt := range map[string]struct {
		request   entryrequest.Request
		unchanged bool
		want      call
	}{
		"Create": {
			request: entryrequest.Request{Operation: entryrequest.Create, Values: entry.Patch{Market: new("NL"), Start: &start, End: &end}},
			want:    call{method: "create", draft: entry.Draft{Product: chair, Market: "NL", Start: start, End: end}},
		},
		"CreateOfTheLeast": { // a rule of entries refuses the missing market
			request: entryrequest.Request{Operation: entryrequest.Create},
			want:    call{method: "create", draft: entry.Draft{Product: chair}},
		},
		"Patch": {
			request: entryrequest.Request{Operation: entryrequest.Patch, Values: ended, Match: condition.Match{3}},
			want:    call{method: "patch", patch: ended, match: condition.Match{3}},
		},
		"PatchOfNothing": {
			request:   entryrequest.Request{Operation: entryrequest.Patch, Match: condition.Match{}},
			unchanged: true,
			want:      call{method: "patch", match: condition.Match{}},
		},
		"Replace": {
			request: entryrequest.Request{Operation: entryrequest.Replace, Values: entry.Patch{Product: &desk, Market: new("NL"), End: &end}},
			want:    call{method: "patch", patch: entry.Patch{Product: &desk, Market: new("NL"), Start: &entry.Date{}, End: &end}},
		},
		"ReplaceByTheSame": {
			request:   entryrequest.Request{Operation: entryrequest.Replace},
			unchanged: true,
			want:      call{method: "patch", patch: entry.Patch{Start: &entry.Date{}, End: &entry.Date{}}},
		},
		"Delete": {
			request: entryrequest.Request{Operation: entryrequest.Delete, Match: condition.Match{3, 4}},
			want:    call{method: "delete", match: condition.Match{3, 4}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entries, tx := &recorder{changed: !tt.unchanged}, &memTx{}
			tt.request.ID, tt.request.Entry, tt.request.Product, tt.want.id = cause, id, chair, id
			version, changed, err := entryrequest.NewService(entries).Decide(t.Context(), tx, tt.request)
			if err != nil || version != 5 || changed == tt.unchanged {
				t.Errorf("version %d, changed %t, %v", version, changed, err)
			}
			if !reflect.DeepEqual(entries.calls, []call{tt.want}) {
				t.Errorf("called %+v, want %+v", entries.calls, tt.want)
			}
			if !reflect.DeepEqual(tx.causes, []uuid.UUID{cause, cause}) {
				t.Errorf("the causes of the events are %v", tx.causes)
			}
		})
	}
}

func TestDecideFails(t *testing.T) {
	t.Parallel()
	all := []entryrequest.Operation{entryrequest.Create, entryrequest.Replace, entryrequest.Patch, entryrequest.Delete}
	for _, operation := range all {
		entries := &recorder{fails: errAway}
		_, _, err := entryrequest.NewService(entries).Decide(t.Context(), &memTx{}, entryrequest.Request{Operation: operation})
		if !errors.Is(err, errAway) {
			t.Errorf("%s: %v", operation, err)
		}
	}
	_, _, err := entryrequest.NewService(&recorder{}).Decide(t.Context(), &memTx{}, entryrequest.Request{Operation: "sell"})
	if err == nil || entryrequest.Refused(err) {
		t.Errorf("an unknown operation: %v", err)
	}
}

// All products are locked before all markets, in the order of their ids, and each one once. See entry.Tx.
func TestPrepare(t *testing.T) {
	t.Parallel()
	requests := []entryrequest.Request{
		{Product: desk, Values: entry.Patch{Market: new("NL")}}, {Product: chair, Values: entry.Patch{Market: new("BE")}},
		{Product: desk}, {Product: chair, Values: entry.Patch{Market: new("NL")}},
	}
	service := entryrequest.NewService(&recorder{})
	tx := &memTx{}
	if err := service.Prepare(t.Context(), tx, requests); err != nil {
		t.Fatal(err)
	}
	want := []string{"product c", "product d", "market BE", "market NL"}
	if !reflect.DeepEqual(tx.locks, want) {
		t.Errorf("locked %v, want %v", tx.locks, want)
	}
	for _, fails := range want {
		if err := service.Prepare(t.Context(), &memTx{fails: fails}, requests); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", fails, err)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for kind, want := range map[apperr.Kind]bool{
		apperr.Malformed: true, apperr.Invalid: true, apperr.NotFound: true, apperr.Conflict: true, apperr.Stale: true,
		apperr.InProgress: false, apperr.Unavailable: false, apperr.Internal: false,
	} {
		if got := entryrequest.Refused(fmt.Errorf("wrapped: %w", apperr.New(kind, "x"))); got != want {
			t.Errorf("%s: %t, want %t", kind, got, want)
		}
	}
	if entryrequest.Refused(errAway) {
		t.Error("an error of the database is a refusal")
	}
}

func TestDiscarded(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]string{
		"as agreed": "as agreed", "": "An operator has discarded the request for this change.",
	} {
		e, ok := apperr.As(entryrequest.Discarded(note))
		if !ok || e.Kind != apperr.Conflict || e.Name() != "change-discarded" || e.Detail != want || !entryrequest.Refused(e) {
			t.Errorf("%q: %+v", note, e)
		}
	}
}
