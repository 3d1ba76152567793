package store

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/publish"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// forgetful is a Store without a history.
type forgetful struct{ *Store }

func (s forgetful) InTx(ctx context.Context, f func(product.Tx) error) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		return f(forgetfulTx{&productTx{tx: tx, q: db.New(tx), encode: s.encode.Product, keys: s.keys, history: history.In(tx)}})
	})
}

type forgetfulTx struct{ *productTx }

func (t forgetfulTx) Append(ctx context.Context, e product.Event) error {
	m, err := t.encode(e)
	if err != nil {
		return err
	}
	return outbox.Append(ctx, t.tx, m)
}

// BenchmarkUpdate updates a product with and without a history, by turns. It reports both medians, and their ratio.
func BenchmarkUpdate(b *testing.B) {
	pool := pgtest.New(b,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"})
	s := New(pool, Encode{Product: publish.Product}, idempotency.Keys{}, func() {})
	var services [2]*product.Service
	var products [2]product.Product
	for i, storage := range []product.Store{s, forgetful{s}} {
		services[i] = product.NewService(storage, time.Now, uuid.New)
		var err error
		if products[i], err = services[i].Create(b.Context(), product.Draft{Name: fmt.Sprint("Chair ", i), Category: "Furniture"}, nil); err != nil {
			b.Fatal(err)
		}
	}
	var took [2][]time.Duration
	for n := 0; b.Loop(); n++ {
		for i := range services {
			began := time.Now()
			if _, err := services[i].Patch(b.Context(), products[i].ID, product.Patch{Name: new(fmt.Sprint("Chair ", i, n))}, nil); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	var median [2]float64
	for i := range took {
		slices.Sort(took[i])
		median[i] = float64(took[i][len(took[i])/2].Nanoseconds()) / 1000
	}
	b.ReportMetric(median[0], "µs-with")
	b.ReportMetric(median[1], "µs-without")
	b.ReportMetric(median[0]/median[1], "ratio")
}
