package adminui_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// An action on all of very many things takes the first 1,000, so that it ends in time. It says that there are more.
func TestActionOnVeryMany(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	left := 1500
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}},
		Rows: func(_ context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
			rows := left
			if q.Limit > 0 {
				rows = min(left, q.Limit)
			}
			return func(yield func(adminui.Row, error) bool) {
				for n := range rows {
					if !yield(adminui.Row{ID: fmt.Sprint(n), Version: 1, Cells: []adminui.Cell{{Text: "x"}}, Position: n}, nil) {
						return
					}
				}
			}
		},
		Count: func(context.Context, []adminui.Query, int) ([]int, error) { return nil, nil },
		Actions: []adminui.Action{{Name: "burn", Title: "Burn", Done: "burnt", Do: func(context.Context, string, int64) error {
			left--
			return nil
		}}},
	}
	p := admintest.Serve(t, pool, things).SignIn(account.Editor)
	for _, tt := range []struct{ question, note string }{
		{"Burn 1,000 things?", "1,000 things are burnt. More things match. Do it again for the next ones."}, {"Burn 500 things?", "500 things are burnt."},
	} {
		question := p.Post("/things/do", "action", "burn", "all", "on").Must(200, tt.question)
		p.Follow(p.Do(http.MethodPost, "/things/do", question.Hidden())).Must(200, tt.note)
	}
	if left != 0 {
		t.Errorf("%d things are left", left)
	}
}
