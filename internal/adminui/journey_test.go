package adminui_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

const orders = "shop.order.v1"

// change commits an event of a change.
func (s *service) change(key string, version int64) {
	s.Helper()
	if err := pgx.BeginFunc(s.Context(), s.pool, func(tx pgx.Tx) error {
		return outbox.Append(s.Context(), tx, event.Message{
			ID: uuid.Must(uuid.NewV7()), Topic: orders, Key: key, Version: version, Type: "shop.order.paid.v1", Payload: []byte("{}"),
		})
	}); err != nil {
		s.Fatal(err)
	}
}

// send marks the event as sent, as the relay does.
func (s *service) send(key string) {
	s.Helper()
	if _, err := s.pool.Exec(s.Context(), `WITH p AS (DELETE FROM outbox_pending WHERE key = $1 RETURNING *)
		INSERT INTO outbox_sent (topic, shard, first_offset, seqs, first_seq, last_seq, sent_at)
		SELECT topic, shard, 17, ARRAY[seq], seq, seq, clock_timestamp() FROM p`, key); err != nil {
		s.Fatal(err)
	}
}

// receive stores what the consumer has done with an event.
func (s *service) receive(key, outcome string) {
	s.Helper()
	if _, err := s.pool.Exec(s.Context(), `INSERT INTO consumer_event (topic, topic_id, part, "offset", key, version, event_id, type, outcome, received_at)
		VALUES ('bank.payment.v1', '00000000-0000-0000-0000-000000000000', 3, 4711, $1, 2, 'id', 'bank.payment.made.v1', $2, clock_timestamp() - interval '7 ms')`,
		key, outcome); err != nil {
		s.Fatal(err)
	}
}

// stream is a stream of server-sent events.
type stream struct {
	*testing.T
	status int
	header http.Header
	body   io.ReadCloser
	lines  chan string // closed at the end
}

// watchEvent opens the stream of an event, or of all.
func (b *browser) watchEvent(query string) *stream {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	b.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+b.base+"/journey/stream"+query, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	for name, values := range b.header {
		req.Header[name] = values
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { res.Body.Close() })
	return &stream{b.T, res.StatusCode, res.Header, res.Body, nil}
}

// until reads until a line has all the texts, and fails if the stream ends before.
func (s *stream) until(texts ...string) string {
	s.Helper()
	s.read()
	var last string
	timeout := time.After(30 * time.Second)
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				s.Fatalf("the stream has ended without %q; the last line is %q", texts, last)
			}
			missing := ""
			for _, text := range texts {
				if !strings.Contains(line, text) {
					missing = text
				}
			}
			if missing == "" {
				return line
			}
			if line != "" && line != ":" {
				last = line
			}
		case <-timeout:
			s.Fatalf("nothing more comes, and %q is missing; the last line is %q", texts, last)
		}
	}
}

// ends waits for the end of the stream.
func (s *stream) ends() {
	s.Helper()
	s.read()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case _, more := <-s.lines:
			if !more {
				return
			}
		case <-timeout:
			s.Fatal("the stream does not end")
		}
	}
}

func (s *stream) read() {
	if s.lines != nil {
		return
	}
	s.lines = make(chan string, 10_000)
	go func(lines chan<- string) {
		defer close(lines)
		for scanner := bufio.NewScanner(s.body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}(s.lines)
}

// The line of one event shows each step when it has happened, with milliseconds, and the stream ends after the last one.
func TestAnEventIsWatchedOnItsWay(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b := s.signedIn("vic")
	watched := b.watchEvent("?event=" + orders + "/a/1")
	if h := watched.header; watched.status != http.StatusOK || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") ||
		h.Get("X-Accel-Buffering") != "no" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Encoding") != "" {
		t.Errorf("the stream begins with %d %v", watched.status, h)
	}
	watched.until("data: This service knows nothing of the way of version 1 yet.")
	s.change("a", 1)
	watched.until("Version 1", "committed", "not sent yet", ".", "Z</time>")
	s.send("a")
	watched.until("sent (partition ", ", offset 17)", " ms")
	watched.until("event: end")
	watched.ends()
}

// The page has all steps that this service knows, as a picture and as a table, and says what it cannot know.
func TestThePageOfTheJourney(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("vic")
	if a := b.get("/journey"); a.status != http.StatusOK || !strings.Contains(a.body, "No change has been on its way yet") {
		t.Errorf("at first: %d %s", a.status, a.body)
	}
	all := b.watchEvent("")
	s.change("<script>alert(1)</script>", 1)
	s.send("<script>alert(1)</script>")
	if line := all.until("&lt;script&gt;", "sent"); strings.Contains(line, "<script>alert") {
		t.Errorf("the text of a key is taken for HTML: %s", line)
	}
	s.receive("p1", "applied")
	s.receive("p2", "dead")
	all.until("received", "applied")
	a := b.get("/journey")
	for _, want := range []string{
		"<svg", "<table", "order paid, version 1", "sent (partition ", ", offset 17)", "the other service knows", "payment made, version 2",
		"partition 3, offset 4711", "received", "applied", "dead letter", "&#43;7 ms", "&lt;script&gt;", `data-stream="/admin/journey/stream"`, "Reload",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %q: %s", want, a.body)
		}
	}
	if strings.Contains(a.body, "<script>alert") {
		t.Error("the text of a key is taken for HTML")
	}
}

// A stream needs a session and a name of an event. There are only so many, and a slow one holds up nobody.
func TestStreamsAreGuarded(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	invented, out, vic := s.browser(), s.signedIn("vic"), s.signedIn("vic")
	invented.header.Set("Cookie", "shop_session=invented")
	stolen := out.client.Jar.Cookies(mustURL(t, s.url+s.base))
	out.post("/sign-out")
	replayed := s.browser()
	replayed.header.Set("Cookie", stolen[0].String())
	for name, b := range map[string]*browser{"new": s.browser(), "invented": invented, "signed out": out, "replayed": replayed} {
		if got := b.watchEvent(""); got.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	for _, query := range []string{"?event=", "?event=x", "?event=a/b/-1", "?event=%00/b/1"} {
		if got := vic.watchEvent(query); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	slow, quick, third := vic.watchEvent(""), vic.watchEvent(""), vic.watchEvent("")
	if got := vic.watchEvent(""); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("one stream too many: %d", got.status)
	}
	for _, key := range []string{"k1", "k2", "k3"} {
		s.change(key, 1)
		quick.until(key) // slow reads nothing
	}
	third.body.Close()
	for { // its place is free when the service has noticed
		again := vic.watchEvent("")
		if again.status == http.StatusOK {
			again.until("k3")
			break
		}
		again.body.Close()
	}
	slow.until("k3")
	if a := vic.get("/journey"); a.status != http.StatusOK {
		t.Errorf("the page beside the streams: %d", a.status)
	}
}

// A stream ends when its user may not see it any more, and when the service stops.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	edith, vic := s.signedIn("edith").watchEvent(""), s.signedIn("vic").watchEvent("")
	if _, err := s.users.Disable(t.Context(), ada, "edith"); err != nil {
		t.Fatal(err)
	}
	edith.until("event: end")
	edith.ends()
	vic.until(":")
	s.watch.Stop()
	vic.ends()
}
