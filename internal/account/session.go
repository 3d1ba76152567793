package account

import (
	"context"
	"fmt"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
)

// Sessions stores the sessions beside their users. DeleteExpired has to run now and then: the store itself runs nothing.
func (u *Users) Sessions() scs.Store { return pgxstore.NewWithCleanupInterval(u.pool, 0) }

// DeleteExpired deletes the sessions that have expired.
func (u *Users) DeleteExpired(ctx context.Context) error {
	if err := accountdb.New(u.pool).DeleteExpiredSessions(ctx); err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	return nil
}
