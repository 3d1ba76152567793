package catalog

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
)

// wantConflicts checks the stored conflicts, as in "ID 5", and that the state agrees.
func (i *instance) wantConflicts(what, want string) {
	i.Helper()
	var got string
	err := i.pool.QueryRow(i.Context(), `SELECT coalesce(string_agg(key || ' ' || version, ', '), '') FROM copy_conflict`).Scan(&got)
	if err != nil || got != want {
		i.Errorf("%s: conflicts %q, %v; want %q", what, got, err, want)
	}
	if alarm := strings.Contains(strings.Join(i.events.State().Problems(), ""), "copy_conflict"); alarm != (want != "") {
		i.Errorf("%s: the problems are %q", what, i.events.State().Problems())
	}
}

// H24 parted histories: a monolith whose database lost commits gives out versions again, with other data. The copy keeps what
// it has, but not silently.
func TestAVersionWithOtherDataIsNoticed(t *testing.T) {
	t.Parallel()
	i, id := setup(t), newID()
	chair := product(id, 5)
	grown := chair.with(`{`, `{"brand":"Ercol",`)
	sofa := chair.with("Chair", "Sofa")
	gone := chair
	gone.Type, gone.Data = "monsplit.product.deleted.v1", []byte(`{}`)
	newer := sofa
	newer.Version = 6
	i.deliver(consume.TopicProduct, chair, chair, grown)
	i.wantConflicts("repeated, and with a new member", "")
	for what, other := range map[string]message{
		"another name": sofa, "another time": chair.with("12:00:00Z", "12:00:00.000001Z"), "deleted": gone,
	} {
		i.deliver(consume.TopicProduct, other)
		i.wantConflicts(what, id.String()+" 5")
		i.deliver(consume.TopicProduct, chair)
		i.wantConflicts("the data of the copy again", "")
	}
	i.deliver(consume.TopicProduct, sofa)
	i.wantConflicts("again", id.String()+" 5")
	i.deliver(consume.TopicProduct, newer)
	i.wantConflicts("a higher version", "")
	gone.Version = 7
	i.deliver(consume.TopicProduct, gone, gone)
	i.wantConflicts("deleted twice", "")
	newer.Version = 7
	i.deliver(consume.TopicProduct, newer)
	i.wantConflicts("not deleted", id.String()+" 7")
}

// Rows of an earlier release have no digest, and raise nothing. During the upgrade an instance of that release changes rows,
// and leaves their digests.
func TestRowsOfAnEarlierReleaseRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	pool, id := pgtest.New(t, pgtest.Earlier(t, messagingSchema, 8), pgtest.Earlier(t, catalogSchema, 3)), newID()
	_, err := pool.Exec(t.Context(), `INSERT INTO product_copy (id, version, name, product_category, discontinued, updated_at)
		VALUES ($1, 5, 'Chair', 'Furniture', false, '2026-11-23 12:00:00Z')`, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), pgtest.URL(pool), slog.New(slog.DiscardHandler), messagingSchema, catalogSchema); err != nil {
		t.Fatal(err)
	}
	i := on(t, pool)
	i.deliver(consume.TopicProduct, product(id, 5), product(id, 5).with("Chair", "Sofa"))
	i.wantConflicts("a row without a digest", "")
	i.deliver(consume.TopicProduct, product(id, 6))
	if _, err := pool.Exec(t.Context(), `UPDATE product_copy SET version = 7, name = 'Sofa'`); err != nil {
		t.Fatal(err)
	}
	i.deliver(consume.TopicProduct, product(id, 7).with("Chair", "Sofa"))
	i.wantConflicts("a row with the digest of an earlier version", "")
	i.deliver(consume.TopicProduct, product(id, 8), product(id, 8).with("Chair", "Sofa"))
	i.wantConflicts("a row of this release", id.String()+" 8")
}
