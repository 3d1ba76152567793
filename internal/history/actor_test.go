package history_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Each kind of caller, as the history names it, and what led to the change.
func TestActors(t *testing.T) {
	t.Parallel()
	p := setup(t)
	by := func(kind caller.Kind, name string) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context {
			return caller.With(ctx, caller.Caller{Kind: kind, Name: name})
		}
	}
	web := func(f func(context.Context) context.Context) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context {
			return f(caller.WithRequest(ctx, caller.Request{ID: "r-7", Address: "192.0.2.7"}))
		}
	}
	id := uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	for name, tt := range map[string]struct {
		ctx         func(context.Context) context.Context
		want, cause string
	}{
		"user":             {web(by(caller.KindSession, "ada")), "user ada", "r-7"},
		"token":            {web(by(caller.KindToken, "billing")), "token billing", "r-7"},
		"allowed network":  {web(by(caller.KindAddress, "192.0.2.0/24")), "address 192.0.2.7", "r-7"},
		"anonymous":        {web(by(caller.KindAnonymous, "")), "address 192.0.2.7", "r-7"},
		"import":           {by(caller.KindImport, "products.csv"), "import products.csv", ""},
		"command":          {by(caller.KindCommand, "ada: outbox reassert"), "command ada: outbox reassert", ""},
		"change request":   {func(ctx context.Context) context.Context { return history.ByRequest(ctx, "shop.request.v1", id) }, "request shop.request.v1", id.String()},
		"nobody":           {func(ctx context.Context) context.Context { return ctx }, "unknown", ""},
		"not UTF-8":        {by(caller.KindImport, "a\xffb\x00c"), "import a\uFFFDb\uFFFDc", ""},
		"a very long name": {by(caller.KindImport, strings.Repeat("é", 200)), "import " + strings.Repeat("é", 100) + "…", ""},
	} {
		ctx := tt.ctx(t.Context())
		p.append(ctx, change(history.Object{Model: "one", Key: name}, 1, "created"))
		p.append(ctx, change(history.Object{Model: "many", Key: name}, 1, "created"), change(history.Object{Model: "many", Key: name}, 2, "updated"))
		for _, model := range []string{"one", "many"} {
			versions, err := p.reader.List(t.Context(), history.Object{Model: model, Key: name}, history.Newest, 5)
			if err != nil || len(versions) == 0 {
				t.Fatal(len(versions), err)
			}
			for _, v := range versions {
				if v.Actor.String() != tt.want || v.Cause != tt.cause {
					t.Errorf("%s, %s: %s because of %q, want %s because of %q", name, model, v.Actor, v.Cause, tt.want, tt.cause)
				}
			}
		}
	}
}

// A change that follows from events names the events of the object that it follows.
func TestCausesOfEvents(t *testing.T) {
	t.Parallel()
	p := setup(t)
	arrived := func(id, key string) consumer.Event {
		return consumer.Event{Event: event.Event{ID: id}, Topic: "bank.payment.v1", Key: key}
	}
	follow := history.ByEvents(func(ctx context.Context, key string, _ []consumer.Event) error {
		c := change(history.Object{Model: "order", Key: key}, 1, "updated")
		c.Follows = key
		p.append(ctx, c)
		return nil
	})
	batch := []consumer.Event{arrived("e1", "a"), arrived("e2", "b"), arrived("e3", "a"), {Topic: "bank.payment.v1", Key: "purged", Purge: true}}
	for key, cause := range map[string]string{"a": "e1 e3", "b": "e2", "purged": "", "other": ""} {
		if err := follow(t.Context(), key, batch); err != nil {
			t.Fatal(err)
		}
		versions, err := p.reader.List(t.Context(), history.Object{Model: "order", Key: key}, history.Newest, 5)
		if err != nil || len(versions) != 1 || versions[0].Actor.String() != "event bank.payment.v1" || versions[0].Cause != cause {
			t.Errorf("%s: %+v, %v; want the cause %q", key, versions, err, cause)
		}
	}
	if err := follow(t.Context(), "none", nil); err != nil {
		t.Error(err)
	}
}
