package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
	"github.com/monsplit/monsplit/internal/messaging/audit"
)

// ErrWrong is the error of a sign-in whose name or password is wrong, or whose user is disabled. It does not say which.
var ErrWrong = errors.New("the name or the password is wrong")

// ThrottledError is the error of an attempt after too many others.
type ThrottledError struct{ Wait time.Duration }

// Error says how long to wait.
func (e *ThrottledError) Error() string {
	return fmt.Sprintf("there were too many attempts: wait %d seconds, and try again", int(e.Wait.Seconds())+1)
}

// SignIn returns the user with this name and password. It fails with ErrWrong, ErrBusy or a ThrottledError.
func (u *Users) SignIn(ctx context.Context, name, password, address string) (User, error) {
	name, address = strings.ToLower(strings.TrimSpace(name)), addressKey(address)
	now := u.now()
	if wait := u.byAddress.take(address, now); wait > 0 {
		return User{}, &ThrottledError{wait}
	}
	if wait := u.byName.take(name, now); wait > 0 {
		u.byAddress.giveBack(address) // it was no guess
		return User{}, &ThrottledError{wait}
	}
	user, err := u.verify(ctx, name, password)
	if !errors.Is(err, ErrWrong) { // only a wrong guess counts
		u.byAddress.giveBack(address)
		u.byName.giveBack(name)
	}
	return user, err
}

func (u *Users) verify(ctx context.Context, name, password string) (User, error) {
	user, stored, err := u.byUserName(ctx, name)
	unknown := errors.Is(err, ErrNoUser)
	if err != nil && !unknown {
		return User{}, err
	}
	if unknown {
		stored = unknownUserHash
	}
	ok, err := u.hasher.matches(ctx, password, stored)
	switch {
	case err != nil:
		return User{}, err
	case !ok || unknown || user.DisabledAt != nil:
		return User{}, ErrWrong
	}
	return user, nil
}

// ChangePassword replaces a user's own password, and ends the user's sessions. The returned user has the new epoch. It fails with
// ErrSame if the new password is the old one.
func (u *Users) ChangePassword(ctx context.Context, user User, was, password, address string) (User, error) {
	if err := CheckPassword(password); err != nil {
		return User{}, err
	}
	if password == was {
		return User{}, ErrSame
	}
	user, err := u.SignIn(ctx, user.Name, was, address)
	if err != nil {
		return User{}, err
	}
	return u.replacePassword(ctx, user, password)
}

// replacePassword fails with ErrWrong if the password that the user has given is no longer the user's.
func (u *Users) replacePassword(ctx context.Context, user User, password string) (User, error) {
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	return u.change(ctx, audit.Operator{By: user.Name}, "admin user change-password", func(q *accountdb.Queries) (accountdb.AdminUser, error) {
		row, err := q.ReplacePassword(ctx, hash, user.Name, user.Epoch)
		if errors.Is(err, pgx.ErrNoRows) {
			err = ErrWrong
		}
		return row, err
	})
}
