package servicetest

import (
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// CurrentEvents fails the test unless the model's pages have one event for each aggregate, in the order of the keys, and each
// says what the last event of its aggregate in the outbox says. Only the id, the type and the cause may differ. It returns
// the types.
func CurrentEvents(t *testing.T, pool *pgxpool.Pool, model repair.Model) map[string]string {
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

// Reassert fails the test unless the model raises the versions of all its aggregates, and rebuilds them from their events after
// the table has lost them. There has to be a deleted one too.
func Reassert(t *testing.T, pool *pgxpool.Pool, model repair.Model, table string) {
	t.Helper()
	before := currentState(t, pool, model)
	var published []repair.Published
	for key, s := range before {
		published = append(published, repair.Published{Key: key, Version: s.version + 3})
	}
	reassert(t, pool, func(tx pgx.Tx) ([]event.Message, error) { return model.Raise(t.Context(), tx, published) })
	raised := currentState(t, pool, model)
	compareState(t, raised, before, func(s aggregateState) aggregateState { s.version += 4; return s })

	lose(t, pool, table)
	reassert(t, pool, func(tx pgx.Tx) ([]event.Message, error) { return rebuildAll(t, tx, model, raised, false) })
	living := map[string]aggregateState{}
	rebuilt := currentState(t, pool, model)
	for key, s := range raised {
		if got, ok := rebuilt[key]; !s.deleted || ok && !got.deleted {
			living[key] = s
		}
		if s.deleted {
			delete(rebuilt, key)
		}
	}
	compareState(t, rebuilt, living, func(s aggregateState) aggregateState { s.version++; return s })

	lose(t, pool, table)
	reassert(t, pool, func(tx pgx.Tx) ([]event.Message, error) { return rebuildAll(t, tx, model, raised, true) })
	gone := currentState(t, pool, model)
	for key := range living {
		if got := gone[key]; !got.deleted || got.version != living[key].version+1 {
			t.Errorf("%s is deleted: %v, version %d", key, got.deleted, got.version)
		}
	}
}

// aggregateState is an aggregate as an event of its current version says it.
type aggregateState struct {
	version int64
	deleted bool
	data    map[string]any // without the version
	event   event.Event
}

func currentState(t *testing.T, pool *pgxpool.Pool, model repair.Model) map[string]aggregateState {
	t.Helper()
	states := map[string]aggregateState{}
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		messages, err := model.Page(t.Context(), tx, "", 1000)
		for _, m := range messages {
			s := aggregateState{version: m.Version, deleted: strings.HasSuffix(m.Type, ".deleted.v1")}
			if s.event, err = event.Decode(m.Payload); err != nil {
				return err
			}
			s.data = members(t, s.event.Data)
			delete(s.data, "version")
			states[m.Key] = s
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func compareState(t *testing.T, got, before map[string]aggregateState, change func(aggregateState) aggregateState) {
	t.Helper()
	if len(got) != len(before) || len(got) == 0 {
		t.Fatalf("%d aggregates, want %d", len(got), len(before))
	}
	for key, s := range before {
		want, have := change(s), got[key]
		if have.version != want.version || have.deleted != want.deleted || !reflect.DeepEqual(have.data, want.data) {
			t.Errorf("%s is %d %v %v, want %d %v %v", key, have.version, have.deleted, have.data, want.version, want.deleted, want.data)
		}
	}
}

func rebuildAll(t *testing.T, tx pgx.Tx, model repair.Model, states map[string]aggregateState, deleted bool) (messages []event.Message, err error) {
	t.Helper()
	for _, s := range states {
		m, err := model.Rebuild(t.Context(), tx, s.event, deleted)
		if err != nil {
			return nil, err
		}
		if m.Type == "" && !s.deleted {
			t.Errorf("%s was not rebuilt", s.event.Subject)
		}
		if m.Type != "" {
			messages = append(messages, m)
		}
	}
	if _, err := model.Rebuild(t.Context(), tx, event.Event{Type: "another.v1", Data: []byte(`{}`)}, deleted); !errors.Is(err, repair.ErrUnfit) {
		t.Errorf("an event of another model: %v", err)
	}
	return messages, nil
}

// reassert appends the events that f returns, in a transaction of the command that may let versions jump.
func reassert(t *testing.T, pool *pgxpool.Pool, f func(pgx.Tx) ([]event.Message, error)) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		id, err := audit.Record(t.Context(), tx, audit.Operator{By: "ann"}, "outbox reassert", nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), `SELECT set_config('messaging.reassert', $1, true)`, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
		messages, err := f(tx)
		if err != nil {
			return err
		}
		return outbox.Append(t.Context(), tx, messages...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lose removes all rows of a table and all pending events, without its triggers.
func lose(t *testing.T, pool *pgxpool.Pool, table string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SET LOCAL session_replication_role = replica; DELETE FROM outbox_pending; DELETE FROM "+
			pgx.Identifier{table}.Sanitize())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
