package catalogchange_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	chair = uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	entry = uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08")
)

// memStore keeps requests and copies in memory. Product 17 is the chair at version 4, market 3 is NL, and entry 5 is their
// entry.
type memStore struct {
	requests []catalogchange.Request // in the order in which they were sent
	once     map[[32]byte]uuid.UUID
	prints   map[[32]byte][32]byte
	target   *catalogchange.Target // of the entry 5; nil if the id was not allotted
	err      error                 // of every read outside a transaction
}

func newMemStore() *memStore {
	return &memStore{once: map[[32]byte]uuid.UUID{}, prints: map[[32]byte][32]byte{}}
}

// show lets the copies show the entry 5 at the version.
func (m *memStore) show(version int64, start, end *time.Time) {
	m.target = &catalogchange.Target{
		Entry: entry, Product: chair, ProductVersion: 4,
		Copy: catalogchange.Copy{Version: version, Shown: &catalogcopy.Entry{
			ID: 5, Product: 17, Market: 3, Start: start, End: end, Version: version, UpdatedAt: noon,
		}},
	}
}

func (m *memStore) Request(_ context.Context, id uuid.UUID) (catalogchange.Request, error) {
	if m.err != nil {
		return catalogchange.Request{}, m.err
	}
	return m.request(id)
}

func (m *memStore) request(id uuid.UUID) (catalogchange.Request, error) {
	for _, r := range m.requests {
		if r.ID == id {
			return r, nil
		}
	}
	return catalogchange.Request{}, apperr.New(apperr.NotFound, "There is no such request.")
}

func (m *memStore) Target(_ context.Context, id int64) (catalogchange.Target, error) {
	if m.err != nil {
		return catalogchange.Target{}, m.err
	}
	return m.find(id)
}

func (m *memStore) find(id int64) (catalogchange.Target, error) {
	if id != 5 || m.target == nil {
		return catalogchange.Target{}, apperr.New(apperr.NotFound, fmt.Sprintf("There is no catalog entry %d.", id))
	}
	return *m.target, nil
}

func (m *memStore) Copy(context.Context, uuid.UUID) (catalogchange.Copy, error) {
	if m.err != nil || m.target == nil {
		return catalogchange.Copy{}, m.err
	}
	return m.target.Copy, nil
}

func (m *memStore) List(_ context.Context, q catalogchange.Query) (list []catalogchange.Request, _ error) {
	for _, r := range m.requests {
		if q.Stage == "" || r.Stage() == q.Stage {
			list = append(list, r)
		}
	}
	return list, m.err
}

func (m *memStore) Count(context.Context, int) (map[catalogchange.Stage]int, error) {
	return nil, m.err
}

func (m *memStore) Creations(context.Context, time.Time, int) ([]catalogchange.Request, error) {
	panic("the tests of the rules list nothing")
}

func (m *memStore) InTx(_ context.Context, f func(catalogchange.Tx) error) error {
	before := m.requests
	if err := f(memTx{m}); err != nil {
		m.requests = before
		return err
	}
	return nil
}

type memTx struct{ m *memStore }

func (t memTx) Recall(_ context.Context, once condition.Once) (r catalogchange.Request, found bool, err error) {
	id, found := t.m.once[once.ID]
	if !found {
		return r, false, nil
	}
	if t.m.prints[once.ID] != once.Fingerprint {
		return r, false, apperr.Coded(apperr.Invalid, "idempotency-key-reused", "Used with another request.")
	}
	r, err = t.m.request(id)
	return r, true, err
}

func (t memTx) References(_ context.Context, product, market int64) (refs catalogchange.References, _ error) {
	if product == 17 {
		refs.Product, refs.ProductVersion = &chair, 4
	}
	if market == 3 {
		refs.Market = new("NL")
	}
	return refs, nil
}

func (t memTx) Target(_ context.Context, id int64) (catalogchange.Target, error) { return t.m.find(id) }

func (t memTx) Request(_ context.Context, id uuid.UUID) (catalogchange.Request, error) {
	return t.m.request(id)
}

func (t memTx) ProductVersion(context.Context, uuid.UUID) (int64, error) { return 6, nil }

func (t memTx) NextNumber(context.Context, uuid.UUID) (int64, error) {
	return int64(len(t.m.requests) + 1), nil
}

func (t memTx) Latest(ctx context.Context, entry uuid.UUID) (catalogchange.Request, bool, error) {
	return t.m.Latest(ctx, entry)
}

func (m *memStore) Latest(_ context.Context, entry uuid.UUID) (latest catalogchange.Request, found bool, _ error) {
	for _, r := range m.requests {
		if r.Entry == entry {
			latest, found = r, true
		}
	}
	return latest, found, nil
}

// AllotID gives the entry the id 5, as a stub.
func (t memTx) AllotID(_ context.Context, entry uuid.UUID) (int64, error) {
	t.m.target = &catalogchange.Target{Entry: entry}
	return 5, nil
}

func (t memTx) Send(_ context.Context, r catalogchange.Request, once *condition.Once) error {
	if once != nil {
		t.m.once[once.ID], t.m.prints[once.ID] = r.ID, once.Fingerprint
	}
	t.m.requests = append(t.m.requests, r)
	return nil
}

// waiter answers from what a test does while a caller waits.
type waiter func(kind, id string, version int64) error

func (w waiter) Wait(_ context.Context, kind, id string, version int64) error {
	return w(kind, id, version)
}

type bundle struct {
	*memStore
	*catalogchange.Service
	t      *testing.T
	now    time.Time
	nextID uuid.UUID
}

// setup returns a service with an empty store. Its clock stands still, and its next id is that of the entry.
func setup(t *testing.T, cfg catalogchange.Config, wait waiter) *bundle {
	t.Helper()
	b := &bundle{memStore: newMemStore(), t: t, now: noon, nextID: entry}
	cfg.Expiry = 24 * time.Hour
	b.Service = catalogchange.NewService(b.memStore, wait, cfg, func() time.Time { return b.now }, func() uuid.UUID {
		id := b.nextID
		b.nextID = uuid.New()
		return id
	})
	return b
}

// decide sets the outcome of the n-th request that was sent, from 0.
func (b *bundle) decide(n int, kind catalogchange.Kind, version int64) {
	b.requests[n].Outcome = &catalogchange.Outcome{Kind: kind, Version: version, Time: noon.Add(time.Second)}
	if kind == catalogchange.Refused {
		b.requests[n].Outcome.Problem = &catalogchange.Problem{Type: "t", Title: "Conflict", Status: 409}
	}
}

func day(n int) *time.Time {
	d := time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC)
	return &d
}

func sent(d *time.Time) catalogchange.Date { return catalogchange.Date{Sent: true, Day: d} }
