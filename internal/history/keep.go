package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	historydb "github.com/monsplit/monsplit/internal/history/db"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Settings are the part of a service's configuration that is about the history. The tags are explained in internal/config.
type Settings struct {
	Retention time.Duration `env:"HISTORY_RETENTION" envDefault:"8760h" about:"how long the history of the service's objects is kept: who has changed what; 0 keeps it forever"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(s.Retention >= 0, "HISTORY_RETENTION", "is %s, but must be 0 or more", s.Retention)
}

// deletedAtOnce bounds one statement of DeleteOld, and so how long it holds its locks.
const deletedAtOnce = 10_000

// DeleteOld deletes the history that is older than the retention, and returns the number of deleted versions. Several instances
// may call it at the same time.
func DeleteOld(ctx context.Context, pool *pgxpool.Pool, s Settings) (deleted int64, err error) {
	for s.Retention > 0 {
		n, err := historydb.New(pool).DeleteOldChanges(ctx, deletedAtOnce, s.Retention)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete old history: %w", err)
		}
		if n < deletedAtOnce {
			break
		}
	}
	return deleted, nil
}

// Erase deletes the whole history of an object, for example because a name was personal data. It returns the number of deleted
// versions. The audit names the object.
func Erase(ctx context.Context, pool *pgxpool.Pool, by audit.Operator, o Object) (erased int64, err error) {
	err = pgtx.Run(ctx, pool, "", func(tx pgx.Tx) error {
		if erased, err = historydb.New(tx).EraseChanges(ctx, o.Model, o.Key); err != nil {
			return err
		}
		_, err := audit.Record(ctx, tx, by, "history erase", map[string]any{"model": o.Model, "key": o.Key, "versions": erased})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("erase the history of %s %s: %w", o.Model, o.Key, err)
	}
	return erased, nil
}
