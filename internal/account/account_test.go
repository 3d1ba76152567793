package account_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accountsql "github.com/monsplit/monsplit/sql/account"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

var ada = audit.Operator{By: "ada"}

const home = "192.0.2.1"

func setup(t *testing.T) (*account.Users, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"})
	return account.New(pool), pool
}

// A user is created, signs in, gets another password and role, and is disabled and enabled. Each step is in the audit, and
// the audit has no secret.
func TestLifeOfAUser(t *testing.T) {
	t.Parallel()
	users, pool := setup(t)
	if _, err := users.CreateFirst(t.Context(), account.Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	user, password, err := users.Create(t.Context(), ada, "bob", account.Editor)
	if err != nil || user.Role != account.Editor || account.CheckPassword(password) != nil {
		t.Fatalf("%+v, %v", user, err)
	}
	in, err := users.SignIn(t.Context(), " Bob ", password, home)
	if err != nil || in.ID != user.ID || !in.MustChangePassword {
		t.Errorf("sign-in: %+v, %v", in, err)
	}
	if _, err := users.ChangePassword(t.Context(), in, password, password, home); !errors.Is(err, account.ErrSame) {
		t.Errorf("the same password: %v", err)
	}
	changed, err := users.ChangePassword(t.Context(), in, password, "correct horse battery", home)
	if err != nil || changed.Epoch <= in.Epoch || changed.MustChangePassword {
		t.Errorf("change of the password: %+v, %v", changed, err)
	}
	if _, err := users.SignIn(t.Context(), "bob", password, home); !errors.Is(err, account.ErrWrong) {
		t.Errorf("the old password: %v", err)
	}
	reset, secret, err := users.ResetPassword(t.Context(), ada, "bob")
	if err != nil || reset.Epoch <= changed.Epoch || !reset.MustChangePassword {
		t.Errorf("reset: %+v, %v", reset, err)
	}
	if promoted, err := users.SetRole(t.Context(), ada, "bob", account.Admin); err != nil || promoted.Role != account.Admin {
		t.Errorf("role: %+v, %v", promoted, err)
	}
	disabled, err := users.Disable(t.Context(), ada, "bob")
	if err != nil || disabled.State() != "disabled" || disabled.Epoch <= reset.Epoch {
		t.Errorf("disable: %+v, %v", disabled, err)
	}
	if _, err := users.SignIn(t.Context(), "bob", secret, home); !errors.Is(err, account.ErrWrong) {
		t.Errorf("a disabled user: %v", err)
	}
	if enabled, err := users.Enable(t.Context(), ada, "bob"); err != nil || enabled.State() != "enabled, must change the password" {
		t.Errorf("enable: %+v, %v", enabled, err)
	}
	if _, err := users.SignIn(t.Context(), "bob", secret, home); err != nil {
		t.Errorf("an enabled user: %v", err)
	}
	actions, err := audit.List(t.Context(), pool, audit.Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, a := range actions {
		commands = append(commands, a.By+": "+a.Command)
		if text := string(a.Detail); strings.Contains(text, secret) || strings.Contains(text, "argon2") {
			t.Errorf("the audit has a secret: %s", text)
		}
	}
	const want = "ada: admin user enable, ada: admin user disable, ada: admin user change-role, ada: admin user reset-password, " +
		"bob: admin user change-password, ada: admin user create, the service: admin user create"
	if got := strings.Join(commands, ", "); got != want {
		t.Errorf("the audit has %s", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	users, _ := setup(t)
	if _, err := users.CreateFirst(t.Context(), account.Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	admin, err := users.Find(t.Context(), "admin")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		do   func() error
		want error
	}{
		"a name with spaces":     {func() error { _, _, err := users.Create(t.Context(), ada, "a b", account.Viewer); return err }, account.ErrName},
		"an empty name":          {func() error { _, _, err := users.Create(t.Context(), ada, "", account.Viewer); return err }, account.ErrName},
		"a name that exists":     {func() error { _, _, err := users.Create(t.Context(), ada, "admin", account.Viewer); return err }, account.ErrExists},
		"reset for nobody":       {func() error { _, _, err := users.ResetPassword(t.Context(), ada, "eve"); return err }, account.ErrNoUser},
		"disable nobody":         {func() error { _, err := users.Disable(t.Context(), ada, "eve"); return err }, account.ErrNoUser},
		"disable the last admin": {func() error { _, err := users.Disable(t.Context(), ada, "admin"); return err }, account.ErrLastAdmin},
		"demote the last admin":  {func() error { _, err := users.SetRole(t.Context(), ada, "admin", account.Viewer); return err }, account.ErrLastAdmin},
		"a wrong password":       {func() error { _, err := users.SignIn(t.Context(), "admin", "guess", home); return err }, account.ErrWrong},
		"an unknown name":        {func() error { _, err := users.SignIn(t.Context(), "eve", "guess", home); return err }, account.ErrWrong},
		"a NUL in the name":      {func() error { _, err := users.SignIn(t.Context(), "e\x00ve", "guess", home); return err }, account.ErrWrong},
		"a name not in UTF-8":    {func() error { _, err := users.SignIn(t.Context(), "e\xffve", "guess", home); return err }, account.ErrWrong},
		"a huge password": {func() error {
			_, err := users.SignIn(t.Context(), "admin", strings.Repeat("x", 1000), home)
			return err
		}, account.ErrWrong},
		"a wrong old password": {func() error {
			_, err := users.ChangePassword(t.Context(), admin, "guess", "correct horse battery", home)
			return err
		}, account.ErrWrong},
	} {
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := users.ChangePassword(t.Context(), admin, "pass", "pass", home); err == nil || !strings.Contains(err.Error(), "at least 12") {
		t.Errorf("a short password: %v", err)
	}
}

// Only a demo has the password pass. Without any setting, the password is random and told once.
func TestFirstUser(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings account.Settings
		password string // empty for a random one
	}{
		"demo":   {account.Settings{Demo: true}, "pass"},
		"given":  {account.Settings{Password: "correct horse battery"}, "correct horse battery"},
		"both":   {account.Settings{Demo: true, Password: "correct horse battery"}, "correct horse battery"},
		"random": {account.Settings{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			users, _ := setup(t)
			random, err := users.CreateFirst(t.Context(), tt.settings)
			if err != nil || (random == "") != (tt.password != "") {
				t.Fatalf("%q, %v", random, err)
			}
			user, err := users.SignIn(t.Context(), "admin", tt.password+random, home)
			if err != nil || user.Role != account.Admin || user.MustChangePassword != (random != "") {
				t.Errorf("%+v, %v", user, err)
			}
			if again, err := users.CreateFirst(t.Context(), account.Settings{}); err != nil || again != "" {
				t.Errorf("the second time: %q, %v", again, err)
			}
			if tt.password != "pass" {
				if _, err := users.SignIn(t.Context(), "admin", "pass", home); !errors.Is(err, account.ErrWrong) {
					t.Errorf("the password of the demo: %v", err)
				}
			}
		})
	}
}

// Nobody can give the first user the password of the demo, or another short one.
func TestSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings account.Settings
		faults   string // the variables
	}{
		"random password":      {account.Settings{Lifetime: time.Hour, Idle: time.Hour}, ""},
		"long password":        {account.Settings{Password: "correct horse battery", Lifetime: time.Hour, Idle: time.Minute}, ""},
		"password of the demo": {account.Settings{Password: "pass", Demo: true, Lifetime: time.Hour, Idle: time.Hour}, "ADMIN_PASSWORD"},
		"no lifetime":          {account.Settings{}, "ADMIN_SESSION_LIFETIME ADMIN_SESSION_IDLE"},
		"idle for longer":      {account.Settings{Lifetime: time.Hour, Idle: 2 * time.Hour}, "ADMIN_SESSION_IDLE"},
	} {
		var faults []string
		tt.settings.Validate(func(ok bool, variable, _ string, _ ...any) {
			if !ok {
				faults = append(faults, variable)
			}
		})
		if got := strings.Join(faults, " "); got != tt.faults {
			t.Errorf("%s: the faults are of %q, want %q", name, got, tt.faults)
		}
	}
}

// Schedule: several instances start on an empty database. One creates the user and tells its password.
func TestOneInstanceCreatesTheFirstUser(t *testing.T) {
	t.Parallel()
	_, pool := setup(t)
	var (
		all       sync.WaitGroup
		mu        sync.Mutex
		passwords []string
	)
	for range 4 {
		all.Go(func() {
			random, err := account.New(pool).CreateFirst(t.Context(), account.Settings{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if random != "" {
				passwords = append(passwords, random)
			}
		})
	}
	all.Wait()
	if len(passwords) != 1 {
		t.Fatalf("%d passwords", len(passwords))
	}
	if _, err := account.New(pool).SignIn(t.Context(), "admin", passwords[0], home); err != nil {
		t.Error(err)
	}
}

// Schedule: two admins disable each other at the same time. One of them stays.
func TestTwoAdminsDisableEachOther(t *testing.T) {
	t.Parallel()
	users, _ := setup(t)
	for _, name := range []string{"ann", "bob"} {
		if _, _, err := users.Create(t.Context(), ada, name, account.Admin); err != nil {
			t.Fatal(err)
		}
	}
	refused := make(chan error, 2)
	for _, name := range []string{"ann", "bob"} {
		go func() {
			_, err := users.Disable(t.Context(), ada, name)
			refused <- err
		}()
	}
	first, second := <-refused, <-refused
	if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), account.ErrLastAdmin) {
		t.Errorf("%v and %v", first, second)
	}
}

// A request that began before the sign-out saves its session afterwards.
func TestAnEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	users, _ := setup(t)
	sessions := users.Sessions()
	expiry := time.Now().Add(time.Hour)
	save := func(data string) {
		t.Helper()
		if err := sessions.CommitCtx(t.Context(), "token", []byte(data), expiry); err != nil {
			t.Fatal(err)
		}
	}
	find := func() (string, bool) {
		t.Helper()
		data, found, err := sessions.FindCtx(t.Context(), "token")
		if err != nil {
			t.Fatal(err)
		}
		return string(data), found
	}
	save("first")
	save("second")
	if data, found := find(); !found || data != "second" {
		t.Errorf("found %q, %t", data, found)
	}
	if err := sessions.DeleteCtx(t.Context(), "token"); err != nil {
		t.Fatal(err)
	}
	save("late")
	if data, found := find(); found {
		t.Errorf("the session goes on with %q", data)
	}
}

// A session that has expired is deleted. Others stay.
func TestExpiredSessionsAreDeleted(t *testing.T) {
	t.Parallel()
	users, pool := setup(t)
	for token, left := range map[string]time.Duration{"old": -time.Hour, "new": time.Hour} {
		if err := users.Sessions().CommitCtx(t.Context(), token, []byte("x"), time.Now().Add(left)); err != nil {
			t.Fatal(err)
		}
	}
	if err := users.DeleteExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(token, ' ') FROM admin_session`).Scan(&left); err != nil || left != "new" {
		t.Errorf("left %q, %v", left, err)
	}
}

// There are at most 1,000 users, because one page lists all of them.
func TestUsersAreLimited(t *testing.T) {
	t.Parallel()
	users, pool := setup(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO admin_user (name, role, password_hash) SELECT 'user-' || n, 'viewer', '' FROM generate_series(1, 999) n`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := users.Create(t.Context(), ada, "last", account.Viewer); err != nil {
		t.Fatal(err)
	}
	if _, _, err := users.Create(t.Context(), ada, "another", account.Viewer); !errors.Is(err, account.ErrFull) {
		t.Errorf("user 1,001: %v", err)
	}
	if list, err := users.List(t.Context()); err != nil || len(list) != 1000 {
		t.Errorf("%d users, %v", len(list), err)
	}
}
