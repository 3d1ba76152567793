package postgres_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// classedBundle is a pool for each class, and one for the other parts.
type classedBundle struct {
	*testing.T
	classed *postgres.Classed
	gate    *admission.Gate
	metrics *postgres.Metrics
	outside *postgres.Pool // the test's own connections
}

func setupClassed(t *testing.T, settings postgres.Settings) *classedBundle {
	t.Helper()
	b := &classedBundle{T: t, gate: admission.New(admission.Settings{}, admission.Entities{}), metrics: postgres.NewMetrics(), outside: pgtest.New(t)}
	if _, err := b.outside.Exec(t.Context(), `CREATE TABLE thing (id int PRIMARY KEY, n int); INSERT INTO thing VALUES (1, 0), (2, 0)`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	settings.URL = pgtest.URL(b.outside)
	direct, err := postgres.Open(t.Context(), settings.Direct("direct"))
	if err != nil {
		t.Fatal(err)
	}
	b.classed, err = postgres.OpenClassed(t.Context(), settings, "classed", b.metrics, direct)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.classed.Close()
		direct.Close()
	})
	return b
}

// as returns the context of a request of a class.
func (b *classedBundle) as(class admission.Class) context.Context {
	b.Helper()
	ctx, leave, err := b.gate.Enter(b.Context(), class, "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { leave(nil) })
	return ctx
}

// takeAll takes all connections of a class, until the test ends. It tries again if a slow machine opens none in ConnectionWait.
func (b *classedBundle) takeAll(class admission.Class) {
	b.Helper()
	pool := b.classed.Pool(class)
	deadline := time.Now().Add(time.Minute)
	for taken := int32(0); taken < pool.Config().MaxConns; {
		switch conn, err := pool.Acquire(b.Context()); {
		case err == nil:
			b.Cleanup(conn.Release)
			taken++
		case time.Now().After(deadline):
			b.Fatal(err)
		}
	}
}

// shown returns the metrics of the pools.
func (b *classedBundle) shown() string {
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.metrics)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

// When requests of a class have taken all their connections, the next one is refused after a bounded wait, whatever it calls.
// The other classes and the service's other parts go on.
func TestAClassTakesOnlyItsConnections(t *testing.T) {
	t.Parallel()
	ways := map[string]func(ctx context.Context, db postgres.DB) error{
		"Exec": func(ctx context.Context, db postgres.DB) error {
			_, err := db.Exec(ctx, `SELECT 1`)
			return err
		},
		"Query": func(ctx context.Context, db postgres.DB) error {
			rows, err := db.Query(ctx, `SELECT 1`)
			if err == nil {
				rows.Close()
				err = rows.Err()
			}
			return err
		},
		"QueryRow": func(ctx context.Context, db postgres.DB) error {
			var n int
			return db.QueryRow(ctx, `SELECT 1`).Scan(&n)
		},
		"InTx": func(ctx context.Context, db postgres.DB) error {
			return postgres.InTx(ctx, db, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `SELECT 1`)
				return err
			})
		},
		"Select": func(ctx context.Context, db postgres.DB) error {
			type row struct{ N int32 }
			_, err := postgres.Select(ctx, db, func(r row) row { return r }, keyset.Statement{SQL: `SELECT 1`})
			return err
		},
	}
	for _, full := range admission.Classes() {
		t.Run(string(full), func(t *testing.T) {
			t.Parallel()
			impatient := setupClassed(t, postgres.Settings{MaxConns: 8, ConnectionWait: 50 * time.Millisecond})
			impatient.takeAll(full)
			patient := setupClassed(t, postgres.Settings{MaxConns: 8, ConnectionWait: 20 * time.Second}) // to open connections may take long
			patient.takeAll(full)
			for way, call := range ways {
				began := time.Now()
				ctx, end := context.WithTimeout(impatient.as(full), 20*time.Second)
				defer end()
				err := postgres.Translate(call(ctx, impatient.classed), nil)
				if e, ok := apperr.As(err); !ok || e.Kind != apperr.Unavailable || e.Name() != "overloaded" {
					t.Fatalf("%s waits for a connection without a bound: %v", way, err)
				}
				if waited := time.Since(began); waited < 30*time.Millisecond {
					t.Errorf("%s is refused after %s", way, waited)
				}
				for _, other := range append(admission.Classes(), "") {
					if other == full {
						continue
					}
					ctx := t.Context()
					if other != "" {
						ctx = patient.as(other)
					}
					if err := call(ctx, patient.classed); err != nil {
						t.Fatalf("%s of the class %q gets no connection: %v", way, other, err)
					}
				}
			}
			text, name := impatient.shown(), string(full)
			for _, want := range []string{
				`database_pool_waiters{pool="` + name + `"} 0`, `database_pool_max_connections{pool="` + name + `"} `,
				`database_pool_connections{pool="` + name + `",state="idle"} 0`, `database_pool_wait_seconds_bucket{pool="` + name + `",le="0.01"}`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("the metrics lack %s:\n%s", want, text)
				}
			}
		})
	}
}

// A call that waits for a connection shows in the metrics, and gets the connection that becomes free.
func TestAWaiterGetsAFreeConnection(t *testing.T) {
	t.Parallel()
	b := setupClassed(t, postgres.Settings{MaxConns: 8, ConnectionWait: time.Minute})
	pool := b.classed.Pool(admission.Read)
	held, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := b.as(admission.Read)
	go func() {
		var n int
		ended <- b.classed.QueryRow(ctx, `SELECT 1`).Scan(&n)
	}()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(b.shown(), `database_pool_waiters{pool="read"} 1`); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("no waiter is shown:\n%s", b.shown())
		}
	}
	held.Release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// The context of a request may end before its wait for a connection does. That is not an overload.
func TestTheEndOfARequestIsNoOverload(t *testing.T) {
	t.Parallel()
	b := setupClassed(t, postgres.Settings{MaxConns: 8, ConnectionWait: time.Minute})
	b.takeAll(admission.Read)
	ctx, cancel := context.WithTimeout(b.as(admission.Read), time.Millisecond)
	defer cancel()
	_, err := b.classed.Exec(ctx, `SELECT 1`)
	if e, ok := apperr.As(err); err == nil || ok {
		t.Errorf("got %v (%v)", err, e)
	}
}

// While no connection can be opened, the database is away. That is not an overload.
func TestNoConnectionCanBeOpened(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	proxy, url := netproxy.NewURL(t, pgtest.URL(direct))
	proxy.Pause()
	classed, err := postgres.OpenClassed(t.Context(), postgres.Settings{URL: url, MaxConns: 8, ConnectionWait: 50 * time.Millisecond}, "classed", nil, direct)
	if err != nil {
		t.Fatal(err)
	}
	defer classed.Close()
	defer proxy.Cut()
	ctx, leave, err := admission.New(admission.Settings{}, admission.Entities{}).Enter(t.Context(), admission.Read, "")
	if err != nil {
		t.Fatal(err)
	}
	defer leave(nil)
	_, err = classed.Exec(ctx, `SELECT 1`)
	if e, ok := apperr.As(postgres.Translate(err, nil)); !ok || e.Kind != apperr.Unavailable || e.Name() != "unavailable" {
		t.Errorf("got %v", err)
	}
}

// The shares never add up to more than the setting, and no part is left without a connection.
func TestShares(t *testing.T) {
	t.Parallel()
	for conns := int32(6); conns <= 200; conns++ {
		s := postgres.Settings{MaxConns: conns}.Shares()
		if all := s.Reads + s.Lists + s.Writes + s.Direct; all != conns || min(s.Reads, s.Lists, s.Writes) < 1 || s.Transactions < 2 || s.Transactions >= int(s.Direct) {
			t.Errorf("%d connections are divided into %+v", conns, s)
		}
		pooled := postgres.Settings{MaxConns: conns, DirectURL: "postgres://db/other"}.Shares()
		if all := pooled.Reads + pooled.Lists + pooled.Writes; all != conns || min(pooled.Reads, pooled.Lists, pooled.Writes) < 1 || pooled.Direct > 14 {
			t.Errorf("%d connections through a pooler are divided into %+v", conns, pooled)
		}
	}
	if s := (postgres.Settings{MaxConns: 16}).Shares(); s != (postgres.Shares{Reads: 3, Lists: 2, Writes: 4, Direct: 7, Transactions: 4}) {
		t.Errorf("16 connections are divided into %+v, which docs/configuration.md does not say", s)
	}
}

// A list that the database works on for too long ends, whether it is a search or not. So it does not keep its connection, and its
// client is told what to do. The other classes may take longer.
func TestAListEnds(t *testing.T) {
	t.Parallel()
	b := setupClassed(t, postgres.Settings{ListTimeout: 50 * time.Millisecond, ConnectionWait: time.Minute})
	for _, searches := range []bool{false, true} {
		slow := keyset.Statement{SQL: `SELECT pg_sleep(0.5)::text`, Searches: searches}
		same := func(row struct{ Text string }) string { return row.Text }
		_, err := postgres.Select(b.as(admission.List), b.classed, same, slow)
		if apperr.KindOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), "search for a longer text") {
			t.Errorf("searches is %t: %v", searches, err)
		}
		if _, err := postgres.Select(b.as(admission.Read), b.classed, same, slow); err != nil {
			t.Errorf("a read, searches is %t: %v", searches, err)
		}
	}
}

// A change waits for a row that another session has locked, but not for long. It is then told that the row is locked.
func TestARowIsWaitedForBriefly(t *testing.T) {
	t.Parallel()
	b := setupClassed(t, postgres.Settings{LockTimeout: 50 * time.Millisecond, ConnectionWait: time.Minute})
	holder, err := b.outside.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Rollback(t.Context()) //nolint:errcheck // the test ends here
	if _, err := holder.Exec(t.Context(), `UPDATE thing SET n = 1 WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(b.as(admission.Write), 20*time.Second)
	defer end()
	var limit string
	err = postgres.Translate(postgres.InTx(ctx, b.classed, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SHOW lock_timeout`).Scan(&limit); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE thing SET n = 2 WHERE id = 1`)
		return err
	}), nil)
	if e, ok := apperr.As(err); !ok || e.Kind != apperr.Unavailable || e.Name() != "locked" || limit != "50ms" {
		t.Errorf("with the limit %s: %v", limit, err)
	}
}
