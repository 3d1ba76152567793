package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/monsplit/monsplit/services/monolith"
)

const (
	// instances is the number of monoliths that share one database.
	instances = 3
	// instancesRate is low enough for the machine to have time left with all of them.
	instancesRate = 60
)

// severalInstances measures commit to applied while three instances of the monolith share the shards, and each gets a third of
// the changes. So two thirds of the changes are committed by an instance that does not publish them. The bound is the same with
// one instance. Both take turns on the same databases: the other two instances start and stop.
func severalInstances(ctx context.Context, e *env) ([]row, error) {
	s, err := e.services(ctx)
	if err != nil {
		return nil, err
	}
	var figures [2]compared
	for pair := range max(e.rounds, latencyPairs) {
		var quantiles [2][2]float64
		order := []int{1, instances}
		if pair%2 == 1 {
			order = []int{instances, 1}
		}
		for _, n := range order {
			e.say.step(fmt.Sprintf("instances, pair %d, %d of them", pair+1, n))
			millis, err := s.withInstances(ctx, e, n, fmt.Sprint(n, ", pair ", pair))
			if err != nil {
				return nil, fmt.Errorf("%d instances: %w", n, err)
			}
			which := 0
			if n > 1 {
				which = 1
			}
			quantiles[which] = [2]float64{quantile(millis, 0.5), quantile(millis, 0.99)}
		}
		for i := range figures {
			figures[i].add(quantiles[1][i], quantiles[0][i])
		}
	}
	var rows []row
	for i, name := range []string{"p50", "p99"} {
		r := figures[i].row(fmt.Sprintf("commit to applied, three instances at %d/s, %s", instancesRate, name), "ms")
		if name == "p50" {
			r.note = "aim 2 at most"
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// withInstances takes a sample while n monoliths share the database.
func (s *services) withInstances(ctx context.Context, e *env, n int, category string) ([]float64, error) {
	urls := []string{s.monolith.url}
	for len(urls) < n {
		another, err := startInstance(ctx, e, s.brokers, s.monolith.database, nil, monolith.Run)
		if err != nil {
			return nil, err
		}
		defer another.stop()
		urls = append(urls, another.url)
	}
	if err := s.awaitOwners(ctx, n); err != nil {
		return nil, err
	}
	c, calls := *s.products, atomic.Int64{}
	c.change = func(ctx context.Context, name, category string) error {
		body := map[string]any{"name": name, "product_category": category}
		return s.post(ctx, urls[calls.Add(1)%int64(n)]+"/api/v1/product", body, http.StatusCreated)
	}
	if _, err := c.sample(ctx, instancesRate, category+" warm"); err != nil {
		return nil, err
	}
	return c.sample(ctx, instancesRate, category)
}

// awaitOwners waits until n instances have divided the shards among themselves.
func (s *services) awaitOwners(ctx context.Context, n int) error {
	return poll(ctx, fmt.Sprintf("%d instances have not divided the shards", n), func(ctx context.Context) (divided bool, err error) {
		const shares = `SELECT count(*) = $1 AND COALESCE(max(n) - min(n) <= 1, false) AND COALESCE(bool_and(owner IS NOT NULL), false)
			FROM (SELECT owner, count(*) AS n FROM outbox_lease GROUP BY owner) AS share`
		err = s.monolith.pool.QueryRow(ctx, shares, n).Scan(&divided)
		return divided, err
	})
}
