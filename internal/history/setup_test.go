package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// past is a database with a history.
type past struct {
	*testing.T
	pool   *pgxpool.Pool
	reader *history.Reader
}

func setup(t *testing.T) past {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"})
	return past{t, pool, history.NewReader(pool)}
}

var (
	chair = history.Object{Model: "product", Key: "chair"}
	desk  = history.Object{Model: "product", Key: "desk"}
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)
)

// change is a change of an object to a version. The state has names and values.
func change(o history.Object, version int64, kind string, state ...any) history.Change {
	c := history.Change{Object: o, Kind: kind, Time: noon, Follows: "p", Event: event.Message{
		ID: uuid.New(), Topic: "shop.product.v1", Key: o.Model + "/" + o.Key, Version: version, Type: "shop.product." + kind + ".v1", Payload: []byte("{}"),
	}}
	for i := 0; i < len(state); i += 2 {
		c.State = append(c.State, history.Value{Field: state[i].(string), Value: state[i+1]})
	}
	return c
}

// inTx runs f in a transaction.
func (p past) inTx(ctx context.Context, f func(*history.Recorder) error) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return f(history.In(tx)) })
}

// append appends changes in one transaction, without a state before.
func (p past) append(ctx context.Context, changes ...history.Change) {
	p.Helper()
	if err := p.inTx(ctx, func(r *history.Recorder) error { return r.Append(ctx, changes...) }); err != nil {
		p.Fatal(err)
	}
}

// list returns the history of an object, a version a line: its number, its kind, and its fields.
func (p past) list(o history.Object) string {
	p.Helper()
	versions, err := p.reader.List(p.Context(), o, history.Newest, 100)
	if err != nil {
		p.Fatal(err)
	}
	lines := make([]string, len(versions))
	for i, v := range versions {
		fields := ""
		for _, f := range v.Fields {
			was, is := jsonOf(p.T, f.Old), jsonOf(p.T, f.New)
			fields += fmt.Sprintf(" %s %s→%s", f.Name, was, is)
		}
		lines[i] = fmt.Sprintf("%d %s%s", v.Version, v.Kind, fields)
	}
	return strings.Join(lines, "\n")
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// counts returns the numbers of versions in the history and of events in the outbox.
func (p past) counts() (versions, events int) {
	p.Helper()
	if err := p.pool.QueryRow(p.Context(), `SELECT (SELECT count(*) FROM object_history), (SELECT count(*) FROM outbox_event)`).Scan(&versions, &events); err != nil {
		p.Fatal(err)
	}
	return versions, events
}
