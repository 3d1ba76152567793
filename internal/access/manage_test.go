package access_test

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	accesssql "github.com/monsplit/monsplit/sql/access"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

var ada = audit.Operator{By: "Ada", Reason: "a new report"}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accesssql.Migrations, Table: "goose_access"})
}

func draft(name string, scopes ...access.Scope) access.Draft {
	return access.Draft{Name: name, Scopes: scopes, ExpiresAt: time.Now().Add(time.Hour)}
}

// A token is created, works, is listed, is revoked, and then works no longer.
func TestLifeOfAToken(t *testing.T) {
	t.Parallel()
	pool := database(t)
	tokens := access.NewTokens(pool, access.Limit{}, slog.New(slog.DiscardHandler))
	servicetest.Run(t, tokens.Run)
	g := access.NewGuard(access.Settings{Prefixes: []string{"/"}}, access.API{Realm: "shop"}, tokens)
	token, secret, err := access.Create(t.Context(), pool, ada, draft("report", access.Read))
	if err != nil {
		t.Fatal(err)
	}
	use := func(secret string) (caller.Caller, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example/hat", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		return g.Identify(req, "", http.Header{})
	}
	if who, err := use(secret); err != nil || who.String() != "token report" {
		t.Errorf("%v, %v", who, err)
	}
	if list, err := access.List(t.Context(), pool, access.Filter{Limit: 10}); err != nil || len(list) != 1 || list[0].ID != token.ID ||
		list[0].State(time.Now()) != "valid" {
		t.Errorf("%+v, %v", list, err)
	}
	if revoked, changed, err := access.Revoke(t.Context(), pool, ada, token.ID); err != nil || !changed || revoked.State(time.Now()) != "revoked" {
		t.Errorf("%+v, %t, %v", revoked, changed, err)
	}
	if revoked, changed, err := access.Revoke(t.Context(), pool, ada, token.ID); err != nil || changed || revoked.RevokedAt == nil {
		t.Errorf("again: %+v, %t, %v", revoked, changed, err)
	}
	if list, err := access.List(t.Context(), pool, access.Filter{Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := access.List(t.Context(), pool, access.Filter{Limit: 10, Ended: true}); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := use(access.Prefix + strings.Repeat("A", 26)); err == nil { // it waits until the tokens have been read again
		t.Error("an unknown token works")
	}
	if _, err := use(secret); err == nil {
		t.Error("the revoked token still works")
	}
	if _, _, err := access.Revoke(t.Context(), pool, ada, token.ID+1); !errors.Is(err, access.ErrNoToken) {
		t.Errorf("an unknown token: %v", err)
	}
	var rows, records string
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT string_agg(to_jsonb(api_token)::text, ' ') FROM api_token),
		(SELECT string_agg(command || ' ' || by_whom || ' ' || detail::text, E'\n' ORDER BY id) FROM operator_action)`).Scan(&rows, &records); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(rows+records, strings.TrimPrefix(secret, access.Prefix)) {
		t.Errorf("the database has the secret: %s\n%s", rows, records)
	}
	if lines := strings.Split(records, "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "token create Ada") || !strings.HasPrefix(lines[1], "token revoke Ada") {
		t.Errorf("recorded %q", records)
	}
}

// Every instance keeps all valid tokens in memory, so there must not be too many.
func TestTheNumberOfTokensIsBounded(t *testing.T) {
	t.Parallel()
	pool := database(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO api_token (name, hash, scopes, expires_at)
		SELECT 'many', sha256(int4send(n)), '{read}', now() + CASE WHEN n = 1 THEN interval '-1 hour' ELSE interval '1 hour' END FROM generate_series(1, 1000) n`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := access.Create(t.Context(), pool, ada, draft("the last one", access.Write)); err != nil {
		t.Error(err)
	}
	if _, _, err := access.Create(t.Context(), pool, ada, draft("one too many", access.Write)); err == nil || !strings.Contains(err.Error(), "revoke some") {
		t.Errorf("got %v", err)
	}
}

func TestDrafts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		draft access.Draft
		want  string
	}{
		"Fine":     {access.Draft{Name: "Übersicht 7", ExpiresAt: now.Add(time.Hour)}, ""},
		"Nameless": {access.Draft{ExpiresAt: now.Add(time.Hour)}, "the name has to be"},
		"Spaces":   {access.Draft{Name: " x", ExpiresAt: now.Add(time.Hour)}, "the name has to be"},
		"Control":  {access.Draft{Name: "a\nb", ExpiresAt: now.Add(time.Hour)}, "the name has to be"},
		"Long":     {access.Draft{Name: strings.Repeat("x", 101), ExpiresAt: now.Add(time.Hour)}, "1 to 100 bytes"},
		"Past":     {access.Draft{Name: "x", ExpiresAt: now}, "the expiry has to be"},
		"TooLate":  {access.Draft{Name: "x", ExpiresAt: now.Add(88000 * time.Hour)}, "at most 87600h"},
	} {
		if err := tt.draft.Check(now); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	for _, names := range [][]string{nil, {""}, {"Read"}, {"read", "admin"}} {
		if scopes, err := access.ParseScopes(names); err == nil {
			t.Errorf("%q: %v", names, scopes)
		}
	}
	if scopes, err := access.ParseScopes([]string{"write", "read", "write"}); err != nil || len(scopes) != 2 || scopes[0] != access.Read {
		t.Errorf("%v, %v", scopes, err)
	}
}
