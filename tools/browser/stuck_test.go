package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
)

// stuck finds out why events are stuck, and mends it: those that could not be applied, and those that Kafka refuses.
func stuck(t *testing.T, at services) {
	deadLetters(t, at)
	refused(t, at)
}

// connect returns a connection to a database of the demo.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(t.Context()) }) // the test is over
	return db
}

// letters are the rows of the dead letters.
const letters = `table[aria-label="Dead letters"] tbody tr`

// deadLetters replays a dead letter whose cause has gone, discards one that can never be applied, and replays all others.
func deadLetters(t *testing.T, at services) {
	monolith, catalog := connect(t, at["monolith database"]), connect(t, at["catalog database"])
	letter := func(offset int64, value []byte, key, code, reason string) {
		t.Helper()
		if _, err := catalog.Exec(t.Context(), `INSERT INTO dead_letter (topic, part, "offset", key, value, headers, version, code, reason)
			VALUES ('monsplit.product.v1', 0, $1, $2, $3, '[]', 1, $4, $5)`, offset, []byte(key), value, code, reason); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := monolith.Query(t.Context(), `SELECT key, payload FROM outbox_event WHERE topic = 'monsplit.product.v1' ORDER BY seq LIMIT 3`)
	if err != nil {
		t.Fatal(err)
	}
	type sent struct {
		Key     string
		Payload []byte
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sent])
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		letter(1_000_000+int64(i), e.Payload, e.Key, "poison", "the category of the product is not known to this release")
	}
	letter(1_000_009, []byte(`{"data": <b>"`), "no product", "undecodable", "the payload is not JSON")

	base := at.admin()["catalog"]
	b := signedIn(t, base, 1280)
	b.shows("4 events of other services could not be applied.")
	b.twice("stuck-overview")
	b.do(chromedp.Click(`.needs a[href*="/dead-letters"]`), chromedp.WaitVisible(letters))
	b.twice("stuck-letters")
	b.do(chromedp.Click(letters+":last-of-type th a"), chromedp.WaitVisible(".payload"))
	b.shows("the payload is not JSON", `{"data": <b>"`)
	b.twice("stuck-letter-unreadable")
	b.do(chromedp.Click(`main a[href$="/discard"]`), chromedp.WaitVisible("#reason"))
	b.shows("What follows")
	b.twice("stuck-discard")
	b.do(chromedp.SendKeys("#reason", "it is not an event"), chromedp.Click("button.danger"), chromedp.WaitVisible(note))
	b.shows("is discarded.", "3 match.")

	b.do(chromedp.Click(letters+":first-of-type th a"), chromedp.WaitVisible(".payload"))
	b.twice("stuck-letter")
	b.do(chromedp.Click(`main a[href$="/replay"]`), chromedp.WaitVisible("#reason"), chromedp.Click("button.main"), chromedp.WaitVisible(note))
	b.shows("is replayed.", "2 match.")
	b.do(chromedp.Click(`.buttons a[href*="/dead-letters/replay"]`), chromedp.WaitVisible("#reason"), chromedp.Click("button.main"), chromedp.WaitVisible(".bar"))
	b.appears(".panel", "2 of 2 are done. None has failed.")
	b.twice("stuck-run")
	b.open(base, ".cards")
	b.shows("Nothing. All events are sent and applied.")
	b.quiet("dead letters")
}

// refused sends an event again that Kafka has refused.
func refused(t *testing.T, at services) {
	db := connect(t, at["monolith database"])
	base := at.admin()["monolith"]
	b := signedIn(t, base, 1280)
	if _, err := db.Exec(t.Context(), `INSERT INTO outbox_blocked (topic, key, attempts, retry_at, last_error)
		SELECT topic, key, 7, now() + interval '1 hour', 'MESSAGE_TOO_LARGE: the request included a message larger than the max message size the server will accept'
		FROM outbox_event WHERE topic = 'monsplit.product.v1' ORDER BY seq LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	b.open(base, ".needs")
	b.shows("Kafka refuses 1 event.")
	b.do(chromedp.Click(`.needs a[href$="/outbox"]`), chromedp.WaitVisible("#refused"))
	b.shows("MESSAGE_TOO_LARGE", "7")
	b.twice("stuck-refused")
	b.do(chromedp.Click("td.do a"), chromedp.WaitVisible("#reason"))
	b.twice("stuck-retry")
	b.do(chromedp.Click("button.main"), chromedp.WaitVisible(note))
	if _, err := db.Exec(t.Context(), `DELETE FROM outbox_blocked`); err != nil { // there was no such event
		t.Fatal(err)
	}
	b.quiet("a refused event")
}
