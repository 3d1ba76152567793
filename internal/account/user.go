package account

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	accountdb "github.com/monsplit/monsplit/internal/account/db"
	"github.com/monsplit/monsplit/internal/postgres"
)

// User is a person who may use the admin pages. The password is not part of it.
type User struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Role       Role       `json:"role"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"` // nil unless the user is disabled
	// MustChangePassword is set while the password is one that the service has made up. Others than the user may have seen it.
	MustChangePassword bool  `json:"must_change_password"`
	Epoch              int64 `json:"-"` // a session of another epoch has ended
}

// State returns whether the user can sign in, and what the user has to do then.
func (u User) State() string {
	switch {
	case u.DisabledAt != nil:
		return "disabled"
	case u.MustChangePassword:
		return "enabled, must change the password"
	}
	return "enabled"
}

// These errors are for the person who has caused them.
var (
	ErrNoUser    = errors.New("there is no such user")
	ErrExists    = errors.New("there is a user with this name already")
	ErrLastAdmin = errors.New("this is the last enabled admin, and nobody could manage users after that")
	ErrName      = errors.New("a name has 1 to 64 characters: a to z, 0 to 9, dot, hyphen and underscore, the first one a letter or a digit")
	ErrSame      = errors.New("this is the same password as before: choose another one")
	ErrFull      = fmt.Errorf("there are %d users, which is the limit", maxUsers)
)

// maxUsers bounds the page and the command that list all users.
const maxUsers = 1000

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckName returns ErrName if no user can have the name.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return ErrName
	}
	return nil
}

// Users are the users in a database.
type Users struct {
	pool      postgres.DB
	hasher    hasher
	byName    *throttle
	byAddress *throttle
	now       func() time.Time
}

// New returns the users in a database.
func New(pool postgres.DB) *Users {
	return &Users{pool: pool, hasher: newHasher(), byName: newThrottle(byName), byAddress: newThrottle(byAddress), now: time.Now}
}

func toUser(r accountdb.AdminUser) User {
	u := User{ID: r.ID, Name: r.Name, Role: Role(r.Role), CreatedAt: r.CreatedAt.UTC(), Epoch: r.Epoch, MustChangePassword: r.MustChangePassword}
	if r.DisabledAt != nil {
		disabled := r.DisabledAt.UTC()
		u.DisabledAt = &disabled
	}
	return u
}
