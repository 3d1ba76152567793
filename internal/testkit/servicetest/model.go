package servicetest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// CurrentEvents fails the test unless the model's pages have one event for each aggregate, in the order of the keys, and each
// says what the last event of its aggregate in the outbox says. Only the id, the type and the cause may differ. It returns
// the types.
func CurrentEvents(t *testing.T, pool *pgxpool.Pool, model outbox.Model) map[string]string {
	t.Helper()
	var (
		events []event.Message
		count  int
	)
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
		if count, err = model.Count(t.Context(), tx); err != nil {
			return err
		}
		for after := ""; ; after = events[len(events)-1].Key {
			page, err := model.Page(t.Context(), tx, after, 2)
			if err != nil || len(page) == 0 {
				return err
			}
			events = append(events, page...)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(t.Context(), `SELECT key, version, payload FROM outbox_event e WHERE topic = $1
		AND version = (SELECT max(version) FROM outbox_event x WHERE x.topic = e.topic AND x.key = e.key) ORDER BY key COLLATE "C"`, model.Topic)
	if err != nil {
		t.Fatal(err)
	}
	last, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Key     string
		Version int64
		Payload []byte
	}])
	if err != nil || len(last) == 0 || len(events) != len(last) || count != len(last) {
		t.Fatalf("%d aggregates, %d events of them, count %d, %v", len(last), len(events), count, err)
	}
	types := map[string]string{}
	for i, m := range events {
		types[m.Key] = m.Type
		if m.Key != last[i].Key || m.Version != last[i].Version || m.Topic != model.Topic {
			t.Errorf("event %d is of %s version %d, want %s version %d", i, m.Key, m.Version, last[i].Key, last[i].Version)
		} else if got, want := members(t, m.Payload), members(t, last[i].Payload); !reflect.DeepEqual(got, want) {
			t.Errorf("the event of %s says\n%v, want\n%v", m.Key, got, want)
		}
	}
	return types
}

// members returns what an event says, apart from what an event of the same state may say differently.
func members(t *testing.T, payload []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := strictjson.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	for name := range m {
		if slices.Contains([]string{"id", "type", "causationid"}, name) {
			delete(m, name)
		}
	}
	return m
}
