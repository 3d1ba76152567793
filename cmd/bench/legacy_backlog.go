package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// pendingRequests is the number of requests that wait while the owner is away. With BENCH_LARGE=1 it is 100,000.
func pendingRequests() int {
	if os.Getenv("BENCH_LARGE") == "1" {
		return 100_000
	}
	return 10_000
}

// backlog sends requests that nobody decides, because the catalog is stopped. It compares the memory of the process and the
// reads of the legacy API with those before.
func (l *legacy) backlog(ctx context.Context, e *env, products []product) ([]row, error) {
	n := pendingRequests()
	listBefore, entryBefore, err := l.reads(ctx)
	if err != nil {
		return nil, err
	}
	heapBefore := heap()
	e.say.step(fmt.Sprintf("legacy, sending %d requests", n))
	const senders = 16
	g, running := errgroup.WithContext(ctx)
	for s := range senders {
		g.Go(func() error {
			for i := s; i < n; i += senders {
				if err := l.postLegacy(running, products[i%len(products)], http.StatusAccepted, "Prefer", "respond-async"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	e.say.step("legacy, reading")
	listAfter, entryAfter, err := l.reads(ctx)
	if err != nil {
		return nil, err
	}
	with := fmt.Sprintf(", %d requests pending", n)
	rows := []row{{name: "heap" + with, value: heap(), unit: "MiB", bound: heapBefore, note: "bound: before; both services and the load are in one process"}}
	for _, q := range legacyQuantiles[:2] {
		rows = append(rows,
			row{name: "read of a list" + with + ", " + q.name, value: quantile(listAfter, q.q), unit: "ms", bound: quantile(listBefore, q.q), note: "bound: before"},
			row{name: "read of an entry" + with + ", " + q.name, value: quantile(entryAfter, q.q), unit: "ms", bound: quantile(entryBefore, q.q), note: "bound: before"})
	}
	for i := range rows {
		rows[i].ratio = rows[i].value / rows[i].bound
	}
	return rows, nil
}

// reads returns the milliseconds of reads of a page of entries, and of single entries.
func (l *legacy) reads(ctx context.Context) (list, entry []float64, err error) {
	const times = 500
	var id int64
	if err := l.monolith.pool.QueryRow(ctx, `SELECT min(i.id) FROM legacy_catalog_id i JOIN catalog_entry_copy c ON c.id = i.entry_id WHERE c.version > 0`).Scan(&id); err != nil {
		return nil, nil, err
	}
	for range times {
		for _, read := range []struct {
			path   string
			millis *[]float64
		}{{"/api/v1/catalog?limit=50", &list}, {fmt.Sprint("/api/v1/catalog/", id), &entry}} {
			started := time.Now()
			if _, err := call(ctx, l.client, http.MethodGet, l.monolith.url+read.path, nil, http.StatusOK); err != nil {
				return nil, nil, err
			}
			*read.millis = append(*read.millis, float64(time.Since(started).Microseconds())/1000)
		}
	}
	return list, entry, nil
}

// heap returns the MiB that are in use after a collection.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse) / (1 << 20)
}
