package idempotency_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
)

// put does what a first request of a caller does, and commits.
func put(t *testing.T, pool *pgxpool.Pool, k idempotency.Keys, who string, id byte) error {
	t.Helper()
	ctx := caller.With(t.Context(), caller.Caller{Kind: caller.KindToken, Name: who})
	return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		if found, err := k.Recall(ctx, tx, [32]byte{id}, body, &answer{}); found || err != nil {
			return err
		}
		return k.Remember(ctx, tx, [32]byte{id}, body, first)
	})
}

// counted makes the last count old, and counts again.
func counted(t *testing.T, pool *pgxpool.Pool, k idempotency.Keys) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), "UPDATE idempotency_usage SET counted_at = now() - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	if err := k.Count(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
}

// A caller that has stored too many keys is refused, and others are not. If there are too many in all, everybody is refused. A known
// key still gets its first answer. Room comes with the deletion of old keys.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	k := idempotency.New(idempotency.Settings{MaxKeysPerCaller: 2, MaxKeys: 3})
	refused := func(err error) bool {
		e, ok := apperr.As(err)
		return ok && e.Kind == apperr.TooMany && e.Name() == "too-many-keys"
	}
	for id := range byte(2) {
		if err := put(t, pool, k, "a", id); err != nil {
			t.Fatal(err)
		}
	}
	counted(t, pool, k)
	if who := atTheirBound(t, pool); !slices.Equal(who, []string{"token a"}) {
		t.Errorf("at their bound: %q", who)
	}
	if err := put(t, pool, k, "a", 10); !refused(err) {
		t.Errorf("a third key of a: %v", err)
	}
	if err := put(t, pool, k, "a", 1); err != nil {
		t.Errorf("a known key of a: %v", err)
	}
	if err := put(t, pool, k, "b", 11); err != nil {
		t.Errorf("the first key of b: %v", err)
	}
	counted(t, pool, k)
	if who := atTheirBound(t, pool); !slices.Equal(who, []string{"token a"}) {
		t.Errorf("at their bound, with one key of b: %q", who)
	}
	if err := put(t, pool, k, "b", 12); !refused(err) {
		t.Errorf("a fourth key in all: %v", err)
	}
	if n := rows(t, pool); n != 3 {
		t.Errorf("%d keys are stored", n)
	}
	age(t, pool, "25 hours")
	if err := k.DeleteOld(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	counted(t, pool, k)
	if err := put(t, pool, k, "a", 10); err != nil {
		t.Errorf("after the deletion: %v", err)
	}
	if who := atTheirBound(t, pool); len(who) > 0 {
		t.Errorf("at their bound after the deletion: %q", who)
	}
}

// atTheirBound returns the callers of which no more keys are kept. The others have no row: each count writes all rows.
func atTheirBound(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), "SELECT caller FROM idempotency_usage WHERE caller <> '' ORDER BY caller")
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Several instances count, but one at a time, and not more often than every few seconds.
func TestCount(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	remember(t, pool)
	inAll := func() (n int) {
		if err := pool.QueryRow(t.Context(), "SELECT coalesce(max(keys), -1) FROM idempotency_usage WHERE caller = ''").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	other := begin(t, pool)
	if _, err := other.Exec(t.Context(), "SELECT pg_advisory_xact_lock(hashtextextended('idempotency_usage', 0))"); err != nil {
		t.Fatal(err)
	}
	if err := keys.Count(t.Context(), pool); err != nil || inAll() != -1 {
		t.Errorf("while another instance counts: %d, %v", inAll(), err)
	}
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := keys.Count(t.Context(), pool); err != nil || inAll() != 1 {
		t.Errorf("the first count: %d, %v", inAll(), err)
	}
	if err := put(t, pool, keys, "a", 1); err != nil {
		t.Fatal(err)
	}
	if err := keys.Count(t.Context(), pool); err != nil || inAll() != 1 {
		t.Errorf("at once after it: %d, %v", inAll(), err)
	}
	if counted(t, pool, keys); inAll() != 2 {
		t.Errorf("the next count: %d", inAll())
	}
}

// A caller without a token is charged by its address, so that one client cannot use up the bound of all others. A key is valid
// from every address: the client may have got another one.
func TestAddressesAreBounded(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	k := idempotency.New(idempotency.Settings{MaxKeysPerCaller: 1, MaxKeys: 10})
	from := func(address string, id byte) (found bool, err error) {
		ctx := caller.WithAddress(t.Context(), address)
		err = postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
			if found, err = k.Recall(ctx, tx, [32]byte{id}, body, &answer{}); found || err != nil {
				return err
			}
			return k.Remember(ctx, tx, [32]byte{id}, body, first)
		})
		return found, err
	}
	if _, err := from("192.0.2.1", 1); err != nil {
		t.Fatal(err)
	}
	counted(t, pool, k)
	if _, err := from("192.0.2.1", 2); apperr.KindOf(err) != apperr.TooMany {
		t.Errorf("a second key from the address: %v", err)
	}
	if _, err := from("192.0.2.2", 3); err != nil {
		t.Errorf("a key from another address: %v", err)
	}
	if found, err := from("192.0.2.2", 1); !found || err != nil {
		t.Errorf("the first key from another address: %t, %v", found, err)
	}
}

// Requests to other services have keys too, which are stored in another table.
func TestKeysOfRequestsAreCounted(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	k := idempotency.New(idempotency.Settings{MaxKeysPerCaller: 2, MaxKeys: 3})
	request := func(who string, once []byte) {
		if _, err := pool.Exec(t.Context(), `INSERT INTO sent_request (id, topic, key, number, subject, body, once_id, fingerprint, caller, created_at, expires_at)
			VALUES (gen_random_uuid(), 't', 'k', 1, '', '{}', $1, $1, $2, now(), now())`, once, who); err != nil {
			t.Fatal(err)
		}
	}
	room := func(who string) (err error) {
		ctx := caller.With(t.Context(), caller.Caller{Kind: caller.KindToken, Name: who})
		return postgres.InTx(ctx, pool, func(tx pgx.Tx) error { return k.Room(ctx, tx) })
	}
	request("token a", []byte{1})
	request("token a", nil)
	request("token a", nil) // without a key
	counted(t, pool, k)
	if err := room("a"); err != nil {
		t.Errorf("with one key: %v", err)
	}
	if err := put(t, pool, k, "a", 1); err != nil {
		t.Fatal(err)
	}
	counted(t, pool, k)
	if err := room("a"); apperr.KindOf(err) != apperr.TooMany {
		t.Errorf("with one key in each table: %v", err)
	}
	if err := room("b"); err != nil {
		t.Errorf("another caller: %v", err)
	}
	request("token b", []byte{2})
	counted(t, pool, k)
	if err := room("c"); apperr.KindOf(err) != apperr.TooMany {
		t.Errorf("with three keys in all: %v", err)
	}
}
