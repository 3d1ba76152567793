package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

const (
	// latencyTime is how long one sample makes changes at the rate.
	latencyTime = 4 * time.Second
	// latencyWorkers is how many workers make changes at the same time, so that a slow commit does not delay later changes.
	latencyWorkers = 32
	// latencyPatience bounds the wait for the last change to arrive.
	latencyPatience = 30 * time.Second
)

// chain carries changes from one database into another.
type chain struct {
	name           string
	change         func(ctx context.Context, name, category string) error // inserts a product and commits
	source, target *pgxpool.Pool
	sourceTimes    string // queries for id and commit time of the rows of category $1
	targetTimes    string
	arrived        string // query for the number of these rows in the target
}

// commitToApplied measures the time from the commit of a change in the monolith's database to the commit that applies it in
// the catalog's database, at steady rates. The bound is the bare chain. Both take turns, so that both see the same machine.
//
// Both times come from PostgreSQL's commit records (track_commit_timestamp). They are read after the run, so that nothing
// disturbs the run. A commit record is written just before its flush, in both databases. So the figure includes the flush
// of the source and not the flush of the target. The result is the same as with the times at which the commits return.
func commitToApplied(ctx context.Context, e *env) ([]row, error) {
	both, err := e.services(ctx)
	if err != nil {
		return nil, err
	}
	ours := both.products
	bare, err := startBareChain(ctx, e, both.brokers)
	if err != nil {
		return nil, err
	}
	for _, c := range []*chain{bare, ours} { // this prepares statements and opens connections
		if _, err := c.sample(ctx, 200, "warm-up"); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	var rows []row
	for _, rate := range []int{100, 500} {
		var figures [3]compared
		for pair := range max(e.rounds, latencyPairs) {
			var quantiles [2][3]float64
			order := []*chain{bare, ours}
			if pair%2 == 1 {
				order = []*chain{ours, bare}
			}
			for _, c := range order {
				e.say.step(fmt.Sprintf("latency at %d/s, pair %d, %s", rate, pair+1, c.name))
				millis, err := c.sample(ctx, rate, fmt.Sprint("at ", rate, ", pair ", pair))
				if err != nil {
					return nil, fmt.Errorf("%s: %w", c.name, err)
				}
				which := 0
				if c == ours {
					which = 1
				}
				quantiles[which] = [3]float64{quantile(millis, 0.5), quantile(millis, 0.99), quantile(millis, 1)}
			}
			for i := range figures {
				figures[i].add(quantiles[1][i], quantiles[0][i])
			}
		}
		for i, name := range []string{"p50", "p99", "max"} {
			r := figures[i].row(fmt.Sprintf("commit to applied at %d/s, %s", rate, name), "ms")
			if rate == 500 && name == "p50" {
				r.note = "aim 1.5 at most"
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// compared collects one figure from each pair of samples.
type compared struct{ ours, bounds, ratios []float64 }

func (c *compared) add(ours, bound float64) {
	c.ours, c.bounds, c.ratios = append(c.ours, ours), append(c.bounds, bound), append(c.ratios, ours/bound)
}

func (c *compared) row(name, unit string) row {
	return row{name: name, value: median(c.ours), unit: unit, bound: median(c.bounds), ratio: median(c.ratios)}
}

// sample makes changes at a rate and returns the milliseconds until each was applied.
func (c *chain) sample(ctx context.Context, rate int, category string) ([]float64, error) {
	n := rate * int(latencyTime/time.Second)
	err := atRate(ctx, rate, n, latencyWorkers, func(ctx context.Context, i int) error {
		return c.change(ctx, fmt.Sprintf("Product %06d of the benchmark", i), category)
	})
	if err != nil {
		return nil, err
	}
	if err := c.awaitArrival(ctx, n, category); err != nil {
		return nil, err
	}
	return c.delays(ctx, category)
}

// atRate calls f for each number below n at a rate, by several workers. Each call has a fixed time, which does not depend on
// earlier calls. It returns the first error.
func atRate(ctx context.Context, rate, n, workers int, f func(ctx context.Context, i int) error) error {
	due := make(chan int, n) // it has room for all calls, so that a late worker can catch up
	g, running := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			for i := range due {
				if err := f(running, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	began, every := time.Now(), time.Second/time.Duration(rate)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; i < n && running.Err() == nil; i++ {
		timer.Reset(time.Until(began.Add(time.Duration(i) * every)))
		select {
		case <-timer.C:
			due <- i
		case <-running.Done():
		}
	}
	close(due)
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (c *chain) awaitArrival(ctx context.Context, n int, category string) error {
	arrived := -1
	err := poll(ctx, "the last change has not arrived", func(ctx context.Context) (bool, error) {
		err := c.target.QueryRow(ctx, c.arrived, category).Scan(&arrived)
		return arrived >= n, err
	})
	if err != nil {
		return fmt.Errorf("%d of %d changes have arrived: %w", arrived, n, err)
	}
	return nil
}

// poll calls arrived until it is true, for at most latencyPatience. missing is the error after this time.
func poll(ctx context.Context, missing string, arrived func(ctx context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, latencyPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", missing, ctx.Err())
		}
		if ok, err := arrived(ctx); ok || err != nil {
			return err
		}
	}
}

func (c *chain) delays(ctx context.Context, category string) ([]float64, error) {
	committed, err := commitTimes(ctx, c.source, c.sourceTimes, category)
	if err != nil {
		return nil, err
	}
	applied, err := commitTimes(ctx, c.target, c.targetTimes, category)
	if err != nil {
		return nil, err
	}
	millis := make([]float64, 0, len(committed))
	for id, at := range committed {
		there, ok := applied[id]
		if !ok {
			return nil, fmt.Errorf("the change of %s was not applied", id)
		}
		millis = append(millis, float64(there.Sub(at).Microseconds())/1000)
	}
	if len(millis) == 0 {
		return nil, errors.New("nothing was changed")
	}
	return millis, nil
}

func commitTimes(ctx context.Context, pool *pgxpool.Pool, query, category string) (map[uuid.UUID]time.Time, error) {
	rows, err := pool.Query(ctx, query, category)
	if err != nil {
		return nil, err
	}
	times := map[uuid.UUID]time.Time{}
	var id uuid.UUID
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		times[id] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read commit times, which need track_commit_timestamp on the server: %w", err)
	}
	return times, nil
}
