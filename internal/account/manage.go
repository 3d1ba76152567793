package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// List returns all users by name.
func (u *Users) List(ctx context.Context) ([]User, error) {
	rows, err := accountdb.New(u.pool).ListUsers(ctx, maxUsers)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	list := make([]User, len(rows))
	for i, r := range rows {
		list[i] = toUser(r)
	}
	return list, nil
}

// Get returns the user with an id, or ErrNoUser.
func (u *Users) Get(ctx context.Context, id int64) (User, error) {
	row, err := accountdb.New(u.pool).GetUser(ctx, id)
	return found(row, err)
}

// Find returns the user with a name, or ErrNoUser.
func (u *Users) Find(ctx context.Context, name string) (User, error) {
	user, _, err := u.byUserName(ctx, name)
	return user, err
}

// byUserName returns a user and what is stored of the password. A name that no user can have is not sent to the database, which
// refuses some texts.
func (u *Users) byUserName(ctx context.Context, name string) (user User, hash string, err error) {
	if CheckName(name) != nil {
		return User{}, "", ErrNoUser
	}
	row, err := accountdb.New(u.pool).GetUserByName(ctx, name)
	user, err = found(row, err)
	return user, row.PasswordHash, err
}

func found(row accountdb.AdminUser, err error) (User, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return User{}, ErrNoUser
	case err != nil:
		return User{}, fmt.Errorf("read a user: %w", err)
	}
	return toUser(row), nil
}

// Create creates a user with a random password, and returns both. The password cannot be read again. The user must change it after
// the first sign-in.
func (u *Users) Create(ctx context.Context, by audit.Operator, name string, role Role) (user User, password string, err error) {
	if err := CheckName(name); err != nil {
		return User{}, "", err
	}
	password = newPassword()
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return User{}, "", err
	}
	user, err = u.change(ctx, by, "admin user create", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		n, err := q.CountUsers(ctx)
		if err != nil {
			return accountdb.AdminUser{}, err
		}
		if n >= maxUsers {
			return accountdb.AdminUser{}, ErrFull
		}
		row, err := q.InsertUser(ctx, accountdb.InsertUserParams{Name: name, Role: string(role), PasswordHash: hash, MustChangePassword: true})
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrExists
		}
		return row, err
	})
	return user, password, err
}

// ResetPassword gives a user a random password, and ends the user's sessions. The password cannot be read again. The user must
// change it after the next sign-in.
func (u *Users) ResetPassword(ctx context.Context, by audit.Operator, name string) (user User, password string, err error) {
	password = newPassword()
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return User{}, "", err
	}
	user, err = u.change(ctx, by, "admin user reset-password", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		return q.SetPassword(ctx, hash, name)
	})
	return user, password, err
}

// SetRole gives a user another role. It works at the user's next request.
func (u *Users) SetRole(ctx context.Context, by audit.Operator, name string, role Role) (User, error) {
	return u.change(ctx, by, "admin user change-role", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		row, err := q.SetRole(ctx, string(role), name)
		return row, errors.Join(err, anAdminIsLeft(ctx, q))
	})
}

// Disable ends the user's sessions, and lets the user no longer sign in.
func (u *Users) Disable(ctx context.Context, by audit.Operator, name string) (User, error) {
	return u.change(ctx, by, "admin user disable", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		row, err := q.DisableUser(ctx, name)
		return row, errors.Join(err, anAdminIsLeft(ctx, q))
	})
}

// Enable lets a disabled user sign in again.
func (u *Users) Enable(ctx context.Context, by audit.Operator, name string) (User, error) {
	return u.change(ctx, by, "admin user enable", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		return q.EnableUser(ctx, name)
	})
}

// change changes one user and records it, in a transaction that is alone in changing users.
func (u *Users) change(ctx context.Context, by audit.Operator, command string, f func(*accountdb.Queries) (accountdb.AdminUser, error)) (user User, err error) {
	err = pgtx.Run(ctx, u.pool, "", func(tx pgx.Tx) error {
		q := accountdb.New(tx)
		if err := q.LockUsers(ctx); err != nil {
			return err
		}
		row, err := f(q)
		if err != nil {
			return err
		}
		user = toUser(row)
		_, err = audit.Record(ctx, tx, by, command, user)
		return err
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return User{}, ErrNoUser
	case err != nil:
		return User{}, fmt.Errorf("%s: %w", command, err)
	}
	return user, nil
}

// anAdminIsLeft returns ErrLastAdmin if no enabled admin is left. Schedule: two admins disable each other at the same time.
// The lock on users lets the second one see what the first one did.
func anAdminIsLeft(ctx context.Context, q *accountdb.Queries) error {
	n, err := q.CountEnabledAdmins(ctx)
	if err == nil && n == 0 {
		return ErrLastAdmin
	}
	return err
}
