package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	legacyRate = 100 // creates per second
	// legacyWait is LEGACY_WRITE_WAIT of the monolith.
	legacyWait = 2 * time.Second
	// overdueWorkers is how many workers send creates that no owner decides. Each create takes legacyWait.
	overdueWorkers = 2 * legacyRate * int(legacyWait/time.Second)
)

// legacyCreate measures how long a create at the legacy API takes: the monolith asks the catalog for it, waits for the outcome
// and for its copy, and answers. The bound is t: a create at the catalog's own API, and twice the time from a commit to the
// commit that applies it, because a legacy create goes to the owner and back. All three have the same rate, and take turns.
//
// Afterwards the catalog is stopped. From then on, each legacy create is answered with 202 after legacyWait, and the requests
// pile up.
func legacyCreate(ctx context.Context, e *env) ([]row, error) {
	both, err := e.services(ctx)
	if err != nil {
		return nil, err
	}
	l := &legacy{services: both, markets: map[string]int64{}}
	for _, code := range []string{ownMarket, legacyMarket} {
		if err := l.newMarket(ctx, code); err != nil {
			return nil, err
		}
	}
	if _, err := l.round(ctx, e, "legacy, warm-up", false); err != nil {
		return nil, fmt.Errorf("warm-up: %w", err)
	}
	figures := make([]legacyFigures, len(legacyQuantiles))
	for pair := range max(e.rounds, latencyPairs) {
		r, err := l.round(ctx, e, fmt.Sprint("legacy, pair ", pair+1), pair%2 == 1)
		if err != nil {
			return nil, fmt.Errorf("pair %d: %w", pair+1, err)
		}
		for i, q := range legacyQuantiles {
			figures[i].add(quantile(r.own, q.q), quantile(r.applied, q.q), quantile(r.legacy, q.q))
		}
	}
	var rows []row
	for i, q := range legacyQuantiles {
		rows = append(rows, figures[i].row(q.name, q.aim))
	}
	overdue, err := l.overdue(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("without the catalog: %w", err)
	}
	return append(rows, overdue...), nil
}

var legacyQuantiles = []struct {
	name string
	q    float64
	aim  string
}{{"p50", 0.5, "aim 1.3 at most"}, {"p99", 0.99, "aim 1.5 at most"}, {"max", 1, "no aim"}}

// legacyFigures collects one quantile of each pair.
type legacyFigures struct {
	compared
	own, applied []float64
}

func (f *legacyFigures) add(own, applied, legacy float64) {
	f.own, f.applied = append(f.own, own), append(f.applied, applied)
	f.compared.add(legacy, own+2*applied)
}

func (f *legacyFigures) row(name, aim string) row {
	r := f.compared.row(fmt.Sprintf("legacy create at %d/s, %s", legacyRate, name), "ms")
	r.note = fmt.Sprintf("%s; own create %s, commit to applied %s", aim, number(median(f.own)), number(median(f.applied)))
	return r
}

// The markets of the entries that are created at the owner's own API, and at the legacy API.
const (
	ownMarket    = "NL"
	legacyMarket = "BE"
)

// legacy makes entries.
type legacy struct {
	*services
	markets map[string]int64 // the legacy integers
}

// newMarket creates a market at the catalog, and waits until the monolith has given it an integer.
func (l *legacy) newMarket(ctx context.Context, code string) error {
	body := map[string]any{"iso_code": code, "name": "Market " + code}
	if err := l.post(ctx, l.catalog.url+"/catalog/api/v1/markets", body, http.StatusCreated); err != nil {
		return err
	}
	const sql = `SELECT m.id FROM legacy_market_id m JOIN market_copy c USING (iso_code) WHERE m.iso_code = $1 AND c.version > 0`
	return poll(ctx, "market "+code+" has not arrived in the monolith", func(ctx context.Context) (bool, error) {
		var id int64
		err := l.monolith.pool.QueryRow(ctx, sql, code).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, nil
		}
		l.markets[code] = id
		return err == nil, err
	})
}

// legacyRound has the milliseconds of one round.
type legacyRound struct{ applied, own, legacy []float64 }

// round creates products, and then an entry of each at both APIs. The names of rounds differ.
func (l *legacy) round(ctx context.Context, e *env, name string, legacyFirst bool) (r legacyRound, err error) {
	e.say.step(name + ", products")
	if r.applied, err = l.products.sample(ctx, legacyRate, name); err != nil {
		return r, err
	}
	products, err := l.named(ctx, name)
	if err != nil {
		return r, err
	}
	own := func() error {
		e.say.step(name + ", own creates")
		r.own, err = timed(ctx, latencyWorkers, products, func(ctx context.Context, p product) error {
			return l.post(ctx, l.catalog.url+"/catalog/api/v1", map[string]any{"product": p.owners, "market": ownMarket}, http.StatusCreated)
		})
		return err
	}
	old := func() error {
		e.say.step(name + ", legacy creates")
		r.legacy, err = timed(ctx, latencyWorkers, products, func(ctx context.Context, p product) error {
			// A busy machine may be slower than legacyWait. With a longer wait, its figures show that.
			return l.postLegacy(ctx, p, http.StatusCreated, "Prefer", "wait=10")
		})
		return err
	}
	order := []func() error{own, old}
	if legacyFirst {
		order = []func() error{old, own}
	}
	for _, f := range order {
		if err := f(); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (l *legacy) postLegacy(ctx context.Context, p product, want int, headers ...string) error {
	body := map[string]any{"product": p.legacy, "market": l.markets[legacyMarket]}
	return l.post(ctx, l.monolith.url+"/api/v1/catalog", body, want, headers...)
}

// overdue stops the catalog, and measures the answers to legacy creates that come then.
func (l *legacy) overdue(ctx context.Context, e *env) ([]row, error) {
	const category = "legacy, overdue"
	e.say.step(category)
	if _, err := l.products.sample(ctx, legacyRate, category); err != nil {
		return nil, err
	}
	products, err := l.named(ctx, category)
	if err != nil {
		return nil, err
	}
	l.catalog.stop()
	millis, err := timed(ctx, overdueWorkers, products, func(ctx context.Context, p product) error {
		return l.postLegacy(ctx, p, http.StatusAccepted)
	})
	if err != nil {
		return nil, err
	}
	wait := float64(legacyWait.Milliseconds())
	var rows []row
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 0.5}, {"p99", 0.99}, {"max", 1}} {
		took := quantile(millis, q.q)
		rows = append(rows, row{
			name: fmt.Sprintf("202 at %d/s without the catalog, %s", legacyRate, q.name), value: took, unit: "ms",
			bound: wait, ratio: took / wait, note: fmt.Sprintf("aim %.0f ms at most", wait+50),
		})
	}
	pending, err := l.backlog(ctx, e, products)
	return append(rows, pending...), err
}

// product is a product with its id in each API.
type product struct {
	legacy int64
	owners uuid.UUID
}

// named returns the products of a category.
func (l *legacy) named(ctx context.Context, category string) ([]product, error) {
	rows, err := l.monolith.pool.Query(ctx, `SELECT id, product_uuid FROM product WHERE product_category = $1 ORDER BY id`, category)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p product, err error) {
		return p, row.Scan(&p.legacy, &p.owners)
	})
}

// timed calls f for each product at legacyRate, and returns the milliseconds of each call.
func timed(ctx context.Context, workers int, products []product, f func(ctx context.Context, p product) error) ([]float64, error) {
	millis := make([]float64, len(products))
	err := atRate(ctx, legacyRate, len(products), workers, func(ctx context.Context, i int) error {
		started := time.Now()
		err := f(ctx, products[i])
		millis[i] = float64(time.Since(started).Microseconds()) / 1000
		return err
	})
	return millis, err
}
