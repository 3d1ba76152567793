package cli

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// The history of an object is listed, and erased with a reason.
func TestHistoryCommands(t *testing.T) {
	t.Parallel()
	app := bare()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"})
	app.Load = func(config.Needs) (settings, error) {
		return settings{Common: config.Common{
			Database: postgres.Settings{URL: pgtest.URL(pool)}, Log: telemetry.Settings{Level: slog.LevelError},
		}}, nil
	}
	execSQL(t, pool, `INSERT INTO object_history (model, key, version, kind, changed_at, actor_kind, actor, cause, event_id, fields)
		SELECT 'hat', 'fez', n, 'updated', '2026-11-23 12:00:00Z', 'user', 'ada', 'r-1', gen_random_uuid(),
			json_build_array(json_build_object('field', 'name', 'old', 'Fez ' || n - 1, 'new', E'Fez\n' || n)) FROM generate_series(1, 3) n`)
	r := call(t.Context(), app, nil, "history", "list", "hat", "fez", "--limit=2")
	if lines := strings.Split(r.out, "\n"); r.code != 0 || len(lines) != 4 ||
		!strings.HasSuffix(lines[1], `3        2026-11-23T12:00:00Z  user ada  r-1    updated  name: "Fez 2" → "Fez\n3"`) {
		t.Errorf("%+v", r)
	}
	var versions []history.Version
	r = call(t.Context(), app, nil, "history", "list", "hat", "fez", "--before=2", "--json")
	if err := json.Unmarshal([]byte(r.out), &versions); err != nil || len(versions) != 1 || versions[0].Version != 1 || versions[0].Fields[0].Old != "Fez 0" {
		t.Errorf("%+v, %v", r, err)
	}
	for args, want := range map[string]string{
		"history list hat":                      "accepts",
		"history list hat fez --limit=0":        "--limit must be between",
		"history erase hat fez --by=ann":        "--reason",
		"history erase hat --by=ann --reason=x": "accepts",
	} {
		if r := call(t.Context(), app, nil, strings.Fields(args)...); r.code != 2 || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	r = call(t.Context(), app, nil, "history", "erase", "hat", "fez", "--by=ann", "--reason=personal data")
	if r.code != 0 || r.out != "erased 3 versions\n" {
		t.Errorf("%+v", r)
	}
	if r := call(t.Context(), app, nil, "history", "list", "hat", "fez"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	if r := call(t.Context(), app, nil, "history", "erase", "hat", "fez", "--by=ann", "--reason=again", "--json"); r.code != 0 || !strings.Contains(r.out, `"versions": 0`) {
		t.Errorf("%+v", r)
	}
	if r := call(t.Context(), app, nil, "audit", "list"); r.code != 0 || strings.Count(r.out, "ann  history erase") != 2 {
		t.Errorf("%+v", r)
	}
}
