package catalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
	"github.com/monsplit/monsplit/services/catalog/internal/store"
)

// wantLast checks the last version of an object's history, as in "2 updated name Chair→Sofa, by user ada because of r-1". The
// version's event is the one that is in the outbox.
func (i *instance) wantLast(step, model, key, want string) {
	i.Helper()
	versions, err := history.NewReader(i.pool).List(i.Context(), history.Object{Model: model, Key: key}, history.Newest, 1)
	if err != nil || len(versions) != 1 {
		i.Errorf("%s: %d versions, %v; want %s", step, len(versions), err, want)
		return
	}
	v := versions[0]
	got := fmt.Sprintf("%d %s", v.Version, v.Kind)
	for _, f := range v.Fields {
		got += fmt.Sprintf(" %s %v→%v", f.Name, f.Old, f.New)
	}
	if got += ", by " + v.Actor.String(); v.Cause != "" {
		got += " because of " + v.Cause
	}
	if got != want {
		i.Errorf("%s:\ngot  %s\nwant %s", step, got, want)
	}
	var version int64
	if err := i.pool.QueryRow(i.Context(), `SELECT version FROM outbox_event WHERE event_id = $1 AND key = $2`, v.EventID, key).Scan(&version); err != nil || version != v.Version {
		i.Errorf("%s: the event of version %d has the version %d, %v", step, v.Version, version, err)
	}
}

// Whatever changes an entry is in its history.
func TestHistoryOfAnEntry(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	create := ask(p, 1, "create", inNL)
	id := create.id()
	i.deliver(consume.TopicEntryRequest, create)
	asked := ", by request monsplit.catalog-entry-request.v1 because of "
	i.wantLast("a request creates", store.ModelEntry, create.ID,
		"1 created product <nil>→"+p.String()+" market <nil>→NL availability_date <nil>→2026-03-01"+asked+create.ID)

	patch := ask(p, 2, "patch", `{"availability_end_date":"2099-06-30"}`, id).with(`"product_version":1`, `"product_version":2`)
	i.deliver(consume.TopicEntryRequest, patch, ask(p, 3, "patch", `{"market":"BE"}`, id))
	i.deliver(consume.TopicProduct, product(p, 2))
	servicetest.Run(t, i.owner.Run)
	kafkatest.Eventually(t, "the request is decided", func() bool { return len(i.outcomes(p)) == 3 })
	i.wantLast("a request that had to wait", store.ModelEntry, create.ID, "2 updated availability_end_date <nil>→2099-06-30"+asked+patch.ID)

	web := caller.WithRequest(caller.With(t.Context(), caller.Caller{Kind: caller.KindToken, Name: "shop"}), caller.Request{ID: "r-1", Address: "192.0.2.1"})
	_, err := i.entries.Replace(web, id, entry.Patch{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	i.wantLast("the API", store.ModelEntry, create.ID, "3 updated availability_date 2026-03-01→<nil> availability_end_date 2099-06-30→<nil>, by token shop because of r-1")

	csv := "product,market,availability_date\n" + p.String() + ",NL,2026-05-01\n"
	model := entryModel(i.entries)
	in, err := bulkimport.Read("offers.csv", strings.NewReader(csv), bulkimport.CSV, model.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Run(t.Context(), in, func(bulkimport.Progress) {}); err != nil {
		t.Fatal(err)
	}
	i.wantLast("an import", store.ModelEntry, create.ID, "4 updated availability_date <nil>→2026-05-01, by import offers.csv")

	ended, other := product(p, 3).with("false", "true"), product(newID(), 1)
	i.deliver(consume.TopicProduct, other, ended)
	day := ended.Time.UTC().Format("2006-01-02")
	i.wantLast("an event ends", store.ModelEntry, create.ID, "5 updated availability_end_date <nil>→"+day+", by event monsplit.product.v1 because of "+ended.ID)

	i.reassert(i.storage().EntryModel(messages.TopicCatalogEntry, newID, publish.ReadEntry), create.ID, 6)
	i.wantLast("reassert", store.ModelEntry, create.ID, "7 reasserted, by command ann: outbox reassert")

	dropped := product(p, 4)
	dropped.Type, dropped.Data = "monsplit.product.deleted.v1", []byte(`{}`)
	i.deliver(consume.TopicProduct, dropped)
	i.wantLast("an event deletes", store.ModelEntry, create.ID, "8 deleted deleted false→true, by event monsplit.product.v1 because of "+dropped.ID)
	i.wantNoDeadLetters()
}

// Whatever changes a market is in its history.
func TestHistoryOfAMarket(t *testing.T) {
	t.Parallel()
	i := setup(t)
	i.wantLast("created", store.ModelMarket, "NL", "1 created iso_code <nil>→NL name <nil>→Market NL, by unknown")
	_, markets, _ := services(i.storage(), newID)
	user := caller.With(t.Context(), caller.Caller{Kind: caller.KindSession, Name: "ada"})
	if _, err := markets.Delete(user, "NL", nil); err != nil {
		t.Fatal(err)
	}
	i.wantLast("deleted", store.ModelMarket, "NL", "2 deleted deleted false→true, by user ada")
	web := caller.WithRequest(t.Context(), caller.Request{ID: "r-2", Address: "192.0.2.1"})
	if _, err := markets.Create(web, market.Draft{ISOCode: "NL", Name: "Netherlands"}, nil); err != nil {
		t.Fatal(err)
	}
	i.wantLast("came back", store.ModelMarket, "NL", "3 created name Market NL→Netherlands deleted true→false, by address 192.0.2.1 because of r-2")
	model := marketModel(markets)
	in, err := bulkimport.Read("markets.csv", strings.NewReader("iso_code,name\nNL,<b>Nederland</b>\n"), bulkimport.CSV, model.Columns)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Run(t.Context(), in, func(bulkimport.Progress) {}); err != nil {
		t.Fatal(err)
	}
	i.wantLast("an import", store.ModelMarket, "NL", "4 updated name Netherlands→<b>Nederland</b>, by import markets.csv")
	i.reassert(i.storage().MarketModel(messages.TopicMarket, newID, publish.ReadMarket), "NL", 9)
	i.wantLast("reassert", store.ModelMarket, "NL", "10 reasserted, by command ann: outbox reassert")
}

// A lost object that a command rebuilds or deletes has a history again. What is rolled back leaves none.
func TestHistoryOfLostObjects(t *testing.T) {
	t.Parallel()
	i := setup(t)
	storage := i.storage()
	entries := storage.EntryModel(messages.TopicCatalogEntry, newID, publish.ReadEntry)
	for n, deleted := range []bool{false, true} {
		p, id := newID(), newID()
		last := event.Event{
			ID: newID().String(), Type: messages.TypeCatalogEntryUpdated, Subject: id.String(), Version: 4, Time: product(p, 1).Time,
			Data: []byte(`{"id":"` + id.String() + `","product":"` + p.String() + `","market":"NL","availability_date":"2026-03-01","availability_end_date":null,
				"version":4,"created_at":"2026-11-23T12:00:00Z","updated_at":"2026-11-23T12:00:00Z"}`),
		}
		i.command(func(ctx context.Context, tx pgx.Tx) ([]event.Message, error) {
			e, err := entries.Rebuild(ctx, tx, last, deleted)
			return []event.Message{e}, err
		})
		state := " product <nil>→" + p.String() + " market <nil>→NL availability_date <nil>→2026-03-01"
		want := []string{"5 recovered" + state, "5 deleted" + state + " deleted <nil>→true"}[n]
		i.wantLast("rebuild", store.ModelEntry, id.String(), want+", by command ann: outbox reassert")
	}
	stray := uuid.New()
	err := storage.Entries().InTx(t.Context(), func(tx entry.Tx) error {
		_, err := i.entries.CreateIn(t.Context(), tx, stray, entry.Draft{Product: newID(), Market: "NL"})
		return err
	})
	if err == nil {
		t.Error("an entry of an unknown product was created")
	}
	if got, err := history.NewReader(i.pool).List(t.Context(), history.Object{Model: store.ModelEntry, Key: stray.String()}, history.Newest, 5); err != nil || len(got) > 0 {
		t.Errorf("a refused change left %+v, %v", got, err)
	}
}

// reassert raises an object past a version, as the command does.
func (i *instance) reassert(m repair.Model, key string, published int64) {
	i.Helper()
	i.command(func(ctx context.Context, tx pgx.Tx) ([]event.Message, error) {
		return m.Raise(ctx, tx, []repair.Published{{Key: key, Version: published}})
	})
}

// command appends the events that f returns, in a transaction of a command that may let versions jump.
func (i *instance) command(f func(context.Context, pgx.Tx) ([]event.Message, error)) {
	i.Helper()
	ctx := caller.With(i.Context(), caller.Caller{Kind: caller.KindCommand, Name: "ann: outbox reassert"})
	err := pgx.BeginFunc(ctx, i.pool, func(tx pgx.Tx) error {
		record, err := audit.Record(ctx, tx, audit.Operator{By: "ann"}, "outbox reassert", nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT set_config('messaging.reassert', $1, true)`, strconv.FormatInt(record, 10)); err != nil {
			return err
		}
		events, err := f(ctx, tx)
		if err != nil {
			return err
		}
		return outbox.Append(ctx, tx, events...)
	})
	if err != nil {
		i.Fatal(err)
	}
}
