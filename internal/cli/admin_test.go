package cli

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accountsql "github.com/monsplit/monsplit/sql/account"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// An operator creates users, which prints their passwords once. The passwords work, and are in no other output.
func TestAdminUsers(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"})
	app := bare()
	app.Load = func(config.Needs) (settings, error) {
		return settings{Common: config.Common{
			Database: postgres.Settings{URL: pgtest.URL(pool)}, Log: telemetry.Settings{Level: slog.LevelError},
		}}, nil
	}
	run := func(line string) result { return call(t.Context(), app, nil, strings.Fields("admin user "+line)...) }
	signIn := func(name, password string) error {
		_, err := account.New(pool).SignIn(t.Context(), name, password, "192.0.2.1")
		return err
	}
	if r := run("list"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	created := run("create ann --role admin --by ada")
	password := strings.TrimSuffix(created.out, "\n")
	if created.code != 0 || !strings.Contains(created.err, "user ann: admin.") || signIn("ann", password) != nil {
		t.Fatalf("%+v", created)
	}
	var reset struct {
		Role     string
		Password string
	}
	r := run("reset-password ann --by ada --json")
	if err := json.Unmarshal([]byte(r.out), &reset); err != nil || reset.Role != "admin" || signIn("ann", reset.Password) != nil || signIn("ann", password) == nil {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"create bob --by ada", 0, "user bob: viewer."},
		{"create bob", 1, "already"},
		{"create Bob", 2, "a name has"},
		{"create eve --role owner", 2, `"owner" is not a role`},
		{"create", 2, "accepts between 1 and 1 arg"},
		{"disable bob --by ada", 0, "disabled"},
		{"enable bob --json", 0, `"disabled_at": null`},
		{"disable ann", 1, "the last enabled admin"},
		{"disable eve", 1, `"eve": there is no such user`},
		{"reset-password eve", 1, `"eve": there is no such user`},
		{"list", 0, "bob"},
		{"list --json", 0, `"role": "viewer"`},
	} {
		r := run(tt.line)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) || strings.Contains(r.out+r.err, reset.Password) {
			t.Errorf("%s: %+v, want %q", tt.line, r, tt.want)
		}
	}
	if r := call(t.Context(), app, nil, "audit", "list"); strings.Count(r.out, "admin user create") != 2 || !strings.Contains(r.out, "admin user disable") ||
		strings.Contains(r.out, reset.Password) {
		t.Errorf("%+v", r)
	}
}
