package cli

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accesssql "github.com/monsplit/monsplit/sql/access"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// An operator creates a token, which prints its secret and nothing else. Then the secret is in no other output.
func TestTokens(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accesssql.Migrations, Table: "goose_access"})
	app := bare()
	app.Load = func(config.Needs) (settings, error) {
		return settings{Common: config.Common{
			Database: postgres.Settings{URL: pgtest.URL(pool)}, Log: telemetry.Settings{Level: slog.LevelError},
		}}, nil
	}
	run := func(line string) result { return call(t.Context(), app, nil, strings.Fields("token "+line)...) }
	if r := run("list"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	created := run("create --name report --by ann")
	secret := strings.TrimSuffix(created.out, "\n")
	if created.code != 0 || !strings.HasPrefix(secret, access.Prefix) || strings.ContainsAny(secret, " \n") ||
		!strings.Contains(created.err, "token 1: report, read, expires ") || strings.Contains(created.err, secret) {
		t.Fatalf("%+v", created)
	}
	var second struct {
		access.Token
		Secret string
	}
	r := run("create --name shop --scope write,read --expires 24h --json")
	if err := json.Unmarshal([]byte(r.out), &second); err != nil || second.ID != 2 || len(second.Scopes) != 2 || second.Secret == secret ||
		time.Until(second.ExpiresAt).Round(time.Hour) != 24*time.Hour {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"list", 0, "report"},
		{"list --json", 0, `"name": "shop"`},
		{"list --before 2 --json", 0, `"id": 1`},
		{"revoke 1 --by ann", 0, "revoked"},
		{"revoke 1", 0, "token 1 was revoked before"},
		{"revoke 1 --json", 0, `"revoked_at": "2`},
		{"revoke 7", 1, "token 7: there is no such token"},
		{"list --all", 0, "revoked"},
	} {
		r := run(tt.line)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.line, r, tt.want)
		}
		for _, s := range []string{secret, second.Secret} {
			if strings.Contains(r.out+r.err, s) {
				t.Errorf("%s shows a secret", tt.line)
			}
		}
	}
	if r := call(t.Context(), app, nil, "audit", "list"); !strings.Contains(r.out, "token revoke") || strings.Count(r.out, "token create") != 2 ||
		strings.Contains(r.out, secret) {
		t.Errorf("%+v", r)
	}
}

func TestTokenArguments(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"create":                            "the name has to be",
		"create --name x --scope admin":     `"admin" is not a scope`,
		"create --name x --scope=":          "needs a scope",
		"create --name x --expires 2020":    "--expires",
		"create --name x --expires -1h":     "--expires",
		"create --name x --expires 99999h":  "at most 87600h",
		"create --name x --by=":             "--by has to say who",
		"create x":                          "received 1",
		"revoke":                            "received 0",
		"revoke x":                          `"x" is not the id of a token`,
		"revoke 0":                          `"0" is not the id of a token`,
		"list --limit 0":                    "--limit must be between",
		"create --name x --scope read,read": errNotConfigured.Error(),
		"create --name x --expires " + strconv.Itoa(time.Now().Year()+1) + "-03-01T10:00:00Z": errNotConfigured.Error(),
	} {
		r := call(t.Context(), bare(), nil, strings.Fields("token "+line)...)
		if code := map[bool]int{true: 1, false: 2}[want == errNotConfigured.Error()]; r.code != code || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v, want %q", line, r, want)
		}
	}
}
