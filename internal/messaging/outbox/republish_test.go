//go:build !realkafka

package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

var ada = audit.Operator{By: "Ada", Reason: "the topic was lost"}

// owned is a table of aggregates, as a service has it.
func (b *bundle) owned(topic string) Model {
	b.t.Helper()
	b.exec(b.pool, `CREATE TABLE thing (key text COLLATE "C" PRIMARY KEY, version bigint NOT NULL)`)
	return Model{
		Topic: topic,
		Count: func(ctx context.Context, tx pgx.Tx) (n int, err error) {
			return n, tx.QueryRow(ctx, `SELECT count(*) FROM thing`).Scan(&n)
		},
		Page: func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
			return b.things(ctx, tx, topic, `SELECT key, version FROM thing WHERE key > $1 ORDER BY key LIMIT $2 FOR NO KEY UPDATE`, after, limit)
		},
	}
}

func (b *bundle) things(ctx context.Context, tx pgx.Tx, topic, query string, args ...any) (msgs []event.Message, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			key     string
			version int64
		)
		if err := rows.Scan(&key, &version); err != nil {
			return nil, err
		}
		msgs = append(msgs, message(topic, key, version))
	}
	return msgs, rows.Err()
}

// change commits the next version of an aggregate with its event.
func (b *bundle) change(topic, key string) error {
	return pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		msgs, err := b.things(b.t.Context(), tx, topic, `INSERT INTO thing VALUES ($1, 1)
			ON CONFLICT (key) DO UPDATE SET version = thing.version + 1 RETURNING key, version`, key)
		if err != nil {
			return err
		}
		return Append(b.t.Context(), tx, msgs...)
	})
}

func (b *bundle) changeEach(topic string, keys []string) {
	b.t.Helper()
	for _, key := range keys {
		if err := b.change(topic, key); err != nil {
			b.t.Fatal(err)
		}
	}
}

func keysOf(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("key-%03d", i))
	}
	return keys
}

// TestRepublish loses a topic with everything in it, and publishes the current versions again.
func TestRepublish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	things, keys := b.owned(b.products), keysOf(250) // more than a page
	b.changeEach(b.products, keys)
	b.changeEach(b.products, keys[:50])
	b.publishOnce(t, "before")
	b.recreateProducts(t)
	b.adopt(false)
	b.changeEach(b.products, keys[100:110]) // still pending

	options := RepublishOptions{DryRun: true}
	want := []Republished{{Topic: b.products, Aggregates: 250, Appended: 240, Pending: 10}}
	if got, err := Republish(t.Context(), b.pool, []Model{things}, ada, options); err != nil || !slices.Equal(got, want) || b.pending() != 10 {
		t.Errorf("dry run: %+v, %v, %d pending", got, err, b.pending())
	}
	var shown []string
	options = RepublishOptions{Progress: func(done, total int) { shown = append(shown, fmt.Sprintf("%d/%d", done, total)) }}
	if got, err := Republish(t.Context(), b.pool, []Model{things}, ada, options); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := strings.Join(shown, " "); got != "200/250 250/250 250/250" {
		t.Errorf("progress %s", got)
	}
	b.start("after")
	b.waitUntilSent()
	for i, key := range keys {
		version := int64(1)
		if i < 50 || i >= 100 && i < 110 {
			version = 2
		}
		b.wantLog(b.products, key, version)
	}
	actions, err := audit.List(t.Context(), b.pool, audit.Filter{Limit: 10})
	if err != nil || len(actions) != 1 || actions[0].By != "Ada" || actions[0].Command != "outbox republish" ||
		!strings.Contains(string(actions[0].Detail), `"appended": 240`) {
		t.Errorf("the audit has %+v, %v", actions, err)
	}
}

// Changes go on while the state is published again. The log of a key stays in the order of its versions.
func TestRepublishBesideChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	things, keys := b.owned(b.products), keysOf(40)
	b.changeEach(b.products, keys)
	b.start("relay")
	var all errgroup.Group
	for w := range 4 {
		all.Go(func() error {
			for range 10 {
				for i := w; i < len(keys); i += 4 {
					if err := b.change(b.products, keys[i]); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	all.Go(func() error {
		for range 5 {
			if _, err := Republish(t.Context(), b.pool, []Model{things}, ada, RepublishOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	b.waitUntilSent()
	for _, key := range keys {
		if got := b.log(b.products, key); !slices.IsSorted(got) || got[len(got)-1] != 11 {
			t.Errorf("the log of %s is %v", key, got)
		}
	}
}

// An interrupted run leaves whole pages, and says so in the audit. The next run does the rest.
func TestRepublishIsInterrupted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	things, keys := b.owned(b.products), keysOf(30)
	b.changeEach(b.products, keys)
	b.exec(b.pool, `DELETE FROM outbox_pending`)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Republish(ctx, b.pool, []Model{things}, ada, RepublishOptions{Rate: 50, Progress: func(int, int) { cancel() }})
	if !errors.Is(err, context.Canceled) || b.pending() != 10 {
		t.Errorf("%v, %d pending", err, b.pending())
	}
	if got, err := Republish(t.Context(), b.pool, []Model{things}, ada, RepublishOptions{}); err != nil || got[0].Appended != 20 || got[0].Pending != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := b.number(`SELECT count(*) FROM operator_action WHERE detail->0->>'appended' IN ('10', '20')`); n != 2 {
		t.Errorf("%d records", n)
	}
}
