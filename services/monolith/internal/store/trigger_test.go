package store_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// TestAppendSatisfiesTheTrigger: an owned row can change with its event, and cannot change without it.
func TestAppendSatisfiesTheTrigger(t *testing.T) {
	t.Parallel()
	pool := setup(t).pool
	const topic = "monsplit.product.v1"
	id := uuid.New()
	insert := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO product (product_uuid, name, product_category, version, created_at, updated_at)
			VALUES ($1, 'name', 'category', 1, now(), now())`, id)
		return err
	}
	update := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE product SET name = name || '!', version = version + 1 WHERE product_uuid = $1`, id)
		return err
	}
	announce := func(version int64) func(context.Context, pgx.Tx) error {
		return func(ctx context.Context, tx pgx.Tx) error {
			return outbox.Append(ctx, tx, event.Message{ID: uuid.New(), Topic: topic, Key: id.String(), Version: version,
				Type: "test.v1", Payload: []byte("{}")})
		}
	}
	for _, step := range []struct {
		name  string
		do    []func(context.Context, pgx.Tx) error
		state string
	}{
		{"an insert without its event", []func(context.Context, pgx.Tx) error{insert}, "MS001"},
		{"an insert with its event", []func(context.Context, pgx.Tx) error{insert, announce(1)}, ""},
		{"an update without its event", []func(context.Context, pgx.Tx) error{update}, "MS001"},
		{"an update with another version's event", []func(context.Context, pgx.Tx) error{update, announce(3)}, "MS001"},
		{"an update with its event", []func(context.Context, pgx.Tx) error{update, announce(2)}, ""},
		{"two updates with theirs", []func(context.Context, pgx.Tx) error{update, announce(3), update, announce(4)}, ""},
	} {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			for _, do := range step.do {
				if err := do(t.Context(), tx); err != nil {
					return err
				}
			}
			return nil
		})
		if state := pgtx.SQLState(err); state != step.state {
			t.Errorf("%s: SQLSTATE %q, want %q (%v)", step.name, state, step.state, err)
		}
	}
}
