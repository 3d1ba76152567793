package pgtx_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A unique constraint blames the value of a row, unless the value was generated.
func TestUsedNumber(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, n serial, UNIQUE (n, name));
		CREATE SCHEMA other; CREATE TABLE other.a (id int PRIMARY KEY); INSERT INTO other.a VALUES (1)`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		statement string
		used      bool
	}{
		"Generated":         {`ALTER TABLE a ALTER id RESTART; INSERT INTO a (name) VALUES ('x'); ALTER TABLE a ALTER id RESTART; INSERT INTO a (name) VALUES ('y')`, true},
		"Named":             {`INSERT INTO a (name) VALUES ('p'), ('p')`, false},
		"ANumberOfTheEvent": {`INSERT INTO other.a VALUES (1)`, false},
		"WithAnotherColumn": {`ALTER TABLE a DROP CONSTRAINT a_name_key; INSERT INTO a (name, n) VALUES ('q', 7), ('q', 7)`, false},
	} {
		err := pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), tt.statement, pgx.QueryExecModeSimpleProtocol)
			return err
		})
		if pgtx.SQLState(err) != "23505" || pgtx.UsedNumber(err) != tt.used || pgtx.DataFault(err) == tt.used {
			t.Errorf("%s: %v; a used number: %t, a fault of the data: %t", name, err, pgtx.UsedNumber(err), pgtx.DataFault(err))
		}
	}
}
