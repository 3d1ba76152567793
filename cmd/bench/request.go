package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	monolithapi "github.com/monsplit/monsplit/api/monolith"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
)

const (
	requestPath = "/api/v1/product"
	requestBody = `{"name": "Folding chair, beech", "product_category": "Garden", "discontinued": false}`
	requestRuns = 20_000
	// requestRounds is more than in other suites, because a round takes only half a second and is easily disturbed.
	requestRounds = 7
)

// requestCost measures a POST through everything that a service puts around its handlers, with and without validation by the
// OpenAPI document. The handler does nothing.
func requestCost(ctx context.Context, _ *env) ([]row, error) {
	//nolint:contextcheck // the document is read once, without waiting
	validator, err := oas.New(monolithapi.Document, oas.Config{MaxBody: 1 << 16})
	if err != nil {
		return nil, err
	}
	validated, plain := newServer(), newServer() //nolint:contextcheck // the error handler uses the context of its request
	validated.Echo.POST(requestPath, doNothing, validator.Middlewares()["createProduct"]...)
	plain.Echo.POST(requestPath, doNothing)

	var with, without, difference []float64
	var allocations [2]float64
	for range requestRounds {
		bare, bareAllocations, err := timeRequests(ctx, plain.Echo)
		if err != nil {
			return nil, err
		}
		whole, wholeAllocations, err := timeRequests(ctx, validated.Echo)
		if err != nil {
			return nil, err
		}
		with, without, difference = append(with, whole), append(without, bare), append(difference, whole-bare)
		allocations = [2]float64{wholeAllocations, wholeAllocations - bareAllocations}
	}
	w, b := median(with), median(without)
	return []row{
		{
			name: "POST without the network, handler that does nothing", value: w, unit: "µs", bound: b, ratio: w / b,
			note: fmt.Sprintf("%.0f allocations; bound: without validation", allocations[0]),
		},
		{
			name: "validation (the difference)", value: median(difference), unit: "µs",
			note: fmt.Sprintf("%.0f allocations; aim 40 µs at most", allocations[1]),
		},
	}, nil
}

func newServer() *httpserver.Server {
	return httpserver.New(httpserver.Config{Service: "bench", Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
}

// doNothing is an Echo handler. It does not name Echo's types, because only the HTTP packages may import Echo.
func doNothing[C interface{ NoContent(status int) error }](c C) error {
	return c.NoContent(http.StatusNoContent)
}

// timeRequests returns the microseconds and the allocations of one request.
func timeRequests(ctx context.Context, server http.Handler) (micros, allocations float64, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	started := time.Now()
	for range requestRuns {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, requestPath, bytes.NewReader([]byte(requestBody)))
		if err != nil {
			return 0, 0, err
		}
		req.Header.Set("Content-Type", "application/json")
		answer := answer{header: http.Header{}}
		server.ServeHTTP(&answer, req)
		if answer.status != http.StatusNoContent {
			return 0, 0, fmt.Errorf("the answer to the POST is %d: %s", answer.status, answer.body.String())
		}
	}
	took := time.Since(started)
	runtime.ReadMemStats(&after)
	return float64(took.Nanoseconds()) / 1e3 / requestRuns, float64(after.Mallocs-before.Mallocs) / requestRuns, nil
}

// answer is a ResponseWriter that records what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
