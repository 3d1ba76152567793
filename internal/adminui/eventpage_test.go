package adminui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/history"
)

const eventPath = "/journey/event?event="

func (s *service) exec(sql string, args ...any) {
	s.Helper()
	if _, err := s.pool.Exec(s.Context(), sql, args...); err != nil {
		s.Fatal(err)
	}
}

// The page of an event has all that the service has stored about it, in each state. Every role may see it.
func TestThePageOfAnEvent(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	const strange = `<script>alert(1)</script> / & "`
	for _, key := range []string{"new", "refused", "sent", "old", "gone", strange} {
		s.change(key, 1)
	}
	s.change("refused", 2)
	s.exec(`INSERT INTO outbox_blocked (topic, key, attempts, retry_at, last_error) VALUES ($1, 'refused', 4, '2026-11-28 12:00:00Z', 'the message is <b>too large</b>')`, orders)
	s.send("sent")
	s.exec(`DELETE FROM outbox_pending WHERE key = 'old'`)
	s.exec(`WITH p AS (DELETE FROM outbox_pending WHERE key = 'gone' RETURNING seq) INSERT INTO outbox_discarded (seq) SELECT seq FROM p`)
	for _, outcome := range []string{"applied", "known", "ignored", "purged", "dead"} {
		s.receive(outcome, outcome)
	}
	s.receive("applied", "known")
	s.receive("closed", "dead")
	s.receive("lost", "dead")
	s.exec(`UPDATE consumer_event SET "offset" = seq`)
	s.exec(`INSERT INTO dead_letter (topic, topic_id, part, "offset", code, reason, state) SELECT topic, topic_id, part, "offset", 'poison', 'it is <i>wrong</i>.',
		CASE key WHEN 'dead' THEN 'open' ELSE 'replayed' END FROM consumer_event WHERE key IN ('dead', 'closed')`)
	published := func(key string, version int) string { return fmt.Sprintf("%s/%s/%d", orders, key, version) }
	received := func(key string) string { return "bank.payment.v1/" + key + "/2" }
	const stream = `data-stream="/shop/admin/journey/stream?event=`
	tests := map[string]struct {
		event        string
		want, absent []string
	}{
		"not sent": {published("new", 1), []string{
			"Order paid, version 1</h1>", "Kafka has not confirmed the event yet.", ">See in the outbox why events wait</a>", stream, "<svg", "Number in the outbox", "shop.order.paid.v1", "<dt>Committed</dt>",
			`<pre class="payload"`, ">{}</pre>", `href="/shop/admin/history/product/new"`, `href="/shop/admin/messages/outbox?key=new&amp;topic=shop.order.v1"`,
		}, []string{`class="fault"`, "<dt>Offset</dt>"}},
		"refused": {published("refused", 1), []string{"Kafka refuses the event: the message is &lt;b&gt;too large", `class="fault"`, "<dt>Tries</dt><dd>4</dd>", "2026-11-28T12:00:00.000Z", "See what to do in the outbox"}, []string{"why events wait"}},
		"behind":  {published("refused", 2), []string{"waits for version 1 of the same key", stream}, []string{`class="fault"`, "<dt>Tries</dt>"}},
		"sent": {published("sent", 1), []string{"Kafka has the event, in partition ", " at offset 17.", "<dt>Offset</dt><dd>17</dd>", "<dt>Sent</dt>", ">{}</pre>"},
			[]string{stream, `class="fault"`}},
		"newest":        {published("sent", 0), []string{"Order paid, version 1</h1>"}, nil},
		"sent long ago": {published("old", 1), []string{"no longer knows at which offset: it keeps that for 7 days.", ">{}</pre>"}, []string{stream}},
		"discarded":     {published("gone", 1), []string{"An operator has discarded the event.", `class="fault"`}, []string{stream}},
		"strange key":   {published(strange, 1), []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "history/product/%3Cscript%3E"}, []string{"<script>alert"}},
		"applied": {received("applied"), []string{
			"Payment made, version 2</h1>", "There was nothing to do: this service already had this version", "partition 3, offset", "Kafka may deliver an event several times", "does not keep the payload",
		}, []string{stream, "history/", "outbox"}},
		"known":   {received("known"), []string{"There was nothing to do: this service already had this version"}, nil},
		"ignored": {received("ignored"), []string{"does not need events of this type"}, nil},
		"purged":  {received("purged"), []string{"everything about its key has to be removed"}, nil},
		"dead": {received("dead"), []string{
			"could not apply the event: it is &lt;i&gt;wrong", `class="fault"`, `href="/shop/admin/messages/dead-letters/`, "See why, and replay or discard it", "has the payload",
		}, []string{stream}},
		"closed":      {received("closed"), []string{"could not apply the event at first: it is &lt;i&gt;wrong", "The dead letter is replayed."}, []string{`class="fault"`}},
		"letter lost": {received("lost"), []string{"The dead letter is no longer kept."}, []string{`class="fault"`}},
		"not kept":    {published("never", 7), []string{"No record of this event</h1>", "version 7", "<code>never</code>", "kept for 7 days at least", "OUTBOX_RETENTION", `href="/shop/admin/history/product/never"`}, []string{stream}},
	}
	for _, user := range []string{"vic", "edith", "admin"} {
		b := s.signedIn(user)
		for name, tt := range tests {
			a := b.get(eventPath + url.QueryEscape(tt.event))
			for _, want := range tt.want {
				if !strings.Contains(a.body, want) {
					t.Errorf("%s: the page lacks %q: %s", name, want, a.body)
				}
			}
			for _, absent := range tt.absent {
				if strings.Contains(a.body, absent) {
					t.Errorf("%s: the page has %q: %s", name, absent, a.body)
				}
			}
			if a.status != http.StatusOK {
				t.Errorf("%s: %d", name, a.status)
			}
		}
		for _, query := range []string{"", "x", "a/b/-1", "%00/b/1", "a/%ff/1"} {
			if a := b.get(eventPath + query); a.status != http.StatusBadRequest || !strings.Contains(a.body, "TOPIC/KEY/VERSION") {
				t.Errorf("%q: %d", query, a.status)
			}
		}
	}
}

// The picture of an event follows it until its last step.
func TestThePictureOfAnEventIsLive(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	s.change("a", 1)
	watched := s.signedIn("vic").watchEvent("?event=" + orders + "/a/1&picture=1")
	watched.until("<svg")
	watched.until("not sent yet")
	s.send("a")
	watched.until("<svg")
	watched.until("offset 17")
	watched.until("event: end")
	watched.ends()
}

// Each version in a history leads to its event and to its journey, also when the event is no longer kept. So do the journey of all
// changes, and the line under the title of a thing.
func TestPagesLeadToTheEvent(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	s.rename(history.Object{Model: "product", Key: "a/b"}, "ada", "One", "Two")
	s.change("a/b", 2)
	b := s.signedIn("vic")
	page := b.get("/history/product/a%2Fb").body
	if !strings.Contains(page, `<a href="/admin/things">All things</a>`) {
		t.Errorf("the history does not lead to the list: %s", page)
	}
	links := regexp.MustCompile(`href="/admin(/journey/event\?event=[^"#]+)("|#journey")`).FindAllStringSubmatch(page, -1)
	if len(links) != 4 {
		t.Fatalf("the links of the history are %q", links)
	}
	for i, want := range []string{"Order paid, version 2</h1>", "Order paid, version 2</h1>", "No record of this event</h1>", "No record of this event</h1>"} {
		if toJourney := links[i][2] == `#journey"`; toJourney != (i%2 == 1) {
			t.Errorf("link %d is %q", i, links[i])
		}
		if a := b.get(links[i][1]); a.status != http.StatusOK || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", links[i], a.status, a.body)
		}
	}
	if a := b.get("/journey"); !strings.Contains(a.body, `href="/admin/journey/event?event=shop.order.v1%2fa%2fb%2f2"`) {
		t.Errorf("the journey of all changes: %s", a.body)
	}
}
