package account

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// The first user. Only a demo creates it with demoPassword, which CheckPassword refuses.
const (
	firstName    = "admin"
	demoPassword = "pass"
)

// CreateFirst creates the user admin if there are no users. If it had to choose a random password, it returns it, and the user must
// change it after the first sign-in. Several instances may start at the same time: one of them creates the user.
func (u *Users) CreateFirst(ctx context.Context, s Settings) (random string, err error) {
	n, err := accountdb.New(u.pool).CountUsers(ctx)
	if err != nil || n > 0 {
		return "", err
	}
	password := s.Password
	switch {
	case password != "":
	case s.Demo:
		password = demoPassword
	default:
		random = newPassword()
		password = random
	}
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return "", err
	}
	created := false
	err = pgtx.Run(ctx, u.pool, "", func(tx pgx.Tx) error {
		q := accountdb.New(tx)
		if err := q.LockUsers(ctx); err != nil {
			return err
		}
		if n, err := q.CountUsers(ctx); err != nil || n > 0 {
			return err
		}
		row, err := q.InsertUser(ctx, accountdb.InsertUserParams{Name: firstName, Role: string(Admin), PasswordHash: hash, MustChangePassword: random != ""})
		if err != nil {
			return err
		}
		created = true
		_, err = audit.Record(ctx, tx, audit.Operator{By: "the service", Reason: "there was no user of the admin pages"}, "admin user create", toUser(row))
		return err
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("create the first user: %w", err)
	case !created:
		return "", nil
	}
	return random, nil
}
