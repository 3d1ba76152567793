package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
)

// Sessions stores the sessions beside their users.
func (u *Users) Sessions() scs.CtxStore { return sessions{accountdb.New(u.pool)} }

// sessions uses the context of each request: it has the request's time-out, and the class whose connections it may use. The
// store of scs for pgx has neither.
type sessions struct{ q *accountdb.Queries }

// FindCtx implements scs.CtxStore.
func (s sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	data, err = s.q.FindSession(ctx, token)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx implements scs.CtxStore.
func (s sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.q.SaveSession(ctx, token, data, expiry)
}

// DeleteCtx implements scs.CtxStore.
func (s sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.q.EndSession(ctx, token)
}

// Find implements scs.Store.
func (s sessions) Find(token string) (data []byte, found bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete implements scs.Store.
func (s sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// DeleteExpired deletes the sessions that have expired.
func (u *Users) DeleteExpired(ctx context.Context) error {
	if err := accountdb.New(u.pool).DeleteExpiredSessions(ctx); err != nil {
		return fmt.Errorf("delete expired sessions: %w", err)
	}
	return nil
}
