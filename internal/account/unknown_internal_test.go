package account

import (
	"errors"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accountsql "github.com/monsplit/monsplit/sql/account"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// The time of an answer must not tell which names exist. So a sign-in with an unknown name needs a hash, and waits for it too.
func TestAnUnknownNameNeedsAHash(t *testing.T) {
	t.Parallel()
	u := New(pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"}))
	if _, err := u.CreateFirst(t.Context(), Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	for range parallelHashes {
		u.hasher.slots <- struct{}{}
	}
	var all sync.WaitGroup
	for _, name := range []string{"admin", "eve", "no name"} {
		all.Go(func() {
			if _, err := u.SignIn(t.Context(), name, "guess", "192.0.2.1"); !errors.Is(err, ErrBusy) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
}
