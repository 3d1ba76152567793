package store_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// gate stops a transaction between its work and its commit.
type gate struct{ reached, open chan struct{} }

func newGate() gate { return gate{reached: make(chan struct{}), open: make(chan struct{})} }

func (g gate) stop(err error) error {
	close(g.reached)
	<-g.open
	return err
}

// gatedEntries stops each transaction at the gate before it commits.
type gatedEntries struct {
	entry.Store
	gate gate
}

func (s gatedEntries) InTx(ctx context.Context, f func(entry.Tx) error) error {
	return s.Store.InTx(ctx, func(tx entry.Tx) error { return s.gate.stop(f(tx)) })
}

// gatedMarkets stops each transaction at the gate before it commits.
type gatedMarkets struct {
	market.Store
	gate gate
}

func (s gatedMarkets) InTx(ctx context.Context, f func(market.Tx) error) error {
	return s.Store.InTx(ctx, func(tx market.Tx) error { return s.gate.stop(f(tx)) })
}

// race runs first up to its gate. Then it runs second until that waits for the locks of first. Then it lets first commit.
func (b *bundle) race(t *testing.T, g gate, first, second func() error) (error, error) {
	t.Helper()
	firsts, seconds := make(chan error, 1), make(chan error, 1)
	go func() { firsts <- first() }()
	<-g.reached
	go func() { seconds <- second() }()
	b.untilBlocked(t)
	close(g.open)
	return <-firsts, <-seconds
}

// discontinue applies the event that discontinues the product, and calls stop before it commits.
func (b *bundle) discontinue(t *testing.T, id uuid.UUID, stop func(error) error) error {
	return b.inTx(t.Context(), func(tx productcopy.Tx) error {
		return stop(b.products.ApplyProducts(t.Context(), tx, []productcopy.ProductChange{state(id, 2, "Chair", true)}))
	})
}

func pass(err error) error { return err }

// TestWriteSkew replays H4 write skew: an entry is created or opened while the event that discontinues its product is
// applied. Each transaction reads what the other one changes. In both orders, no open entry of the product may remain.
func TestWriteSkew(t *testing.T) {
	t.Parallel()
	type do = func(t *testing.T, s *entry.Service, product, id uuid.UUID) error
	create := func(t *testing.T, s *entry.Service, product, _ uuid.UUID) error {
		_, err := s.Create(t.Context(), draft(product, "BE", "2026-03-01", ""), nil)
		return err
	}
	reopen := func(t *testing.T, s *entry.Service, _, id uuid.UUID) error {
		_, err := s.Patch(t.Context(), id, entry.Patch{End: new(entry.Date{})}, nil)
		return err
	}
	imports := func(t *testing.T, s *entry.Service, product, _ uuid.UUID) error {
		_, _, err := s.Import(t.Context(), draft(product, "NL", "2026-03-01", ""))
		return err
	}
	for name, write := range map[string]do{"Create": create, "Reopen": reopen, "Import": imports} {
		t.Run(name+"First", func(t *testing.T) {
			t.Parallel()
			b, product, id := setupSkew(t)
			g := newGate()
			wrote, applied := b.race(t, g,
				func() error { return write(t, b.entriesOn(gatedEntries{b.store.Entries(), g}), product, id) },
				func() error { return b.discontinue(t, product, pass) })
			if wrote != nil || applied != nil {
				t.Errorf("wrote: %v, applied: %v", wrote, applied)
			}
			b.wantNoneOpen(t, product)
		})
		t.Run(name+"Second", func(t *testing.T) {
			t.Parallel()
			b, product, id := setupSkew(t)
			g := newGate()
			applied, wrote := b.race(t, g,
				func() error { return b.discontinue(t, product, g.stop) },
				func() error { return write(t, b.entries, product, id) })
			wantCode(t, applied, "")
			wantCode(t, wrote, "invalid")
			b.wantNoneOpen(t, product)
		})
	}
}

// setupSkew returns a product with an entry that ended in the past.
func setupSkew(t *testing.T) (b *bundle, product, id uuid.UUID) {
	t.Helper()
	b = setup(t)
	b.market(t, "NL")
	b.market(t, "BE")
	product = b.product(t)
	return b, product, b.entry(t, product, "NL", "2026-03-01", "2026-04-01").ID
}

func (b *bundle) wantNoneOpen(t *testing.T, product uuid.UUID) {
	t.Helper()
	for e, err := range b.entries.List(t.Context(), entry.Query{Product: &product}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.End.IsZero() || date("2026-11-23").Before(e.End) {
			t.Errorf("open entry of a discontinued product: %+v", e)
		}
	}
}

// TestMarketSkew: an entry is created while its market is deleted. In both orders, no entry may remain without its market.
func TestMarketSkew(t *testing.T) {
	t.Parallel()
	t.Run("CreateFirst", func(t *testing.T) {
		t.Parallel()
		b, product, _ := setupSkew(t)
		g := newGate()
		created, deleted := b.race(t, g,
			func() error {
				_, err := b.entriesOn(gatedEntries{b.store.Entries(), g}).Create(t.Context(), draft(product, "BE", "", ""), nil)
				return err
			},
			func() error { return errOf(b.markets.Delete(t.Context(), "BE", nil)) })
		wantCode(t, created, "")
		wantCode(t, deleted, "market-in-use")
	})
	t.Run("CreateSecond", func(t *testing.T) {
		t.Parallel()
		b, product, _ := setupSkew(t)
		g := newGate()
		gated := market.NewService(gatedMarkets{b.store.Markets(), g}, b.now, newID)
		deleted, created := b.race(t, g,
			func() error { return errOf(gated.Delete(t.Context(), "BE", nil)) },
			func() error {
				_, err := b.entries.Create(t.Context(), draft(product, "BE", "", ""), nil)
				return err
			})
		wantCode(t, deleted, "")
		wantCode(t, created, "unknown-reference")
	})
}
