package adminmessages_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// A person finds out why an event was not applied, repairs the cause and replays it.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letter(7, "desk", "poison")
	second := b.letter(8, "lamp", "undecodable")
	b.exec(`UPDATE dead_letter SET value = $1 WHERE id = $2`, []byte("\xff\x00 no JSON"), second)
	p := b.SignIn(account.Admin)
	if rows := p.Get("/messages/dead-letters?topic=" + b.other + "&code=poison").Must(200).Rows(); !slices.Equal(rows, []string{fmt.Sprint(id)}) {
		t.Errorf("the filters keep %q", rows)
	}
	one := fmt.Sprintf("/messages/dead-letters/%d", id)
	p.Get(one).Must(200, "no such size "+evil, "<dt>trace</dt><dd><code>&lt;i&gt;</code>", "<dd>0, 7</dd>", `"subject": "desk"`)
	p.Get(fmt.Sprintf("/messages/dead-letters/%d", second)).Must(200, "It is not JSON.", `\xff\x00 no JSON`)
	file := p.Get(fmt.Sprintf("/messages/dead-letters/%d/payload", second)).Must(200)
	if file.Body != "\xff\x00 no JSON" || file.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file is %q %v", file.Body, file.Header)
	}

	p.Get(one+"/replay").Must(200, fmt.Sprintf("Replay dead letter %d?", id), "Nothing is lost.")
	p.Post(one+"/replay").Must(409, "It failed again: no such size "+evil)
	b.repaired.Store(true)
	p.Follow(p.Post(one+"/replay", "reason", "fixed in 1.2")).Must(200, fmt.Sprintf("Dead letter %d is replayed.", id))
	p.Post(one+"/replay").Must(409, "is already replayed")
	p.Get(one).Must(200, "replayed", "by some-admin")

	discard := fmt.Sprintf("/messages/dead-letters/%d/discard", second)
	p.Post(discard).Must(422, "Reason has to say why.")
	p.Follow(p.Post(discard, "reason", "it is no event")).Must(200, fmt.Sprintf("Dead letter %d is discarded.", second), "Nothing is wrong.")
	want := []string{"some-admin: dead-letters discard: it is no event", "some-admin: dead-letters replay: fixed in 1.2", "some-admin: dead-letters replay: "}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
}

// All dead letters that match are replayed in the background. A page shows the progress without a script.
func TestReplayMany(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.repaired.Store(true)
	b.slow = make(chan struct{})
	for i := range 5 {
		b.letter(int64(i), fmt.Sprint("key-", i), "poison")
	}
	b.letter(9, "another", "undecodable")
	p := b.SignIn(account.Editor)
	p.Get("/messages/dead-letters?code=poison").Must(200, "Replay all 5…", "/dead-letters/replay?code=poison")
	p.Get("/messages/dead-letters/replay?code=poison").Must(200, "Replay 5 dead letters?", `name="code" value="poison"`)
	begun := p.Post("/messages/dead-letters/replay", "code", "poison", "reason", "fixed")
	page := p.Follow(begun).Must(200, "are being replayed", "Load it now", "<strong>0</strong> of <strong>5</strong>")
	if page.Header.Get("Refresh") != "2" {
		t.Error("the page does not load itself again")
	}
	p.Post("/messages/dead-letters/replay", "code", "poison").Must(409, "Another run is under way.")
	close(b.slow)
	kafkatest.Eventually(t, "the run ends", func() bool { page = p.Get(begun.To()); return page.Header.Get("Refresh") == "" })
	page.Must(200, "All dead letters were tried", "<strong>5</strong> of <strong>5</strong>", "None has failed.", "by some-editor", "fixed")
	if n := b.count(`dead_letter WHERE state = 'open'`); n != 1 {
		t.Errorf("%d are open", n)
	}
	if got := b.audited(); len(got) != 6 || !slices.Contains(got, "some-editor: dead-letters replay many: fixed") {
		t.Errorf("audited %q", got)
	}
	p.Get("/messages/dead-letters/replay?code=poison").Must(409, "No open dead letter matches any more.")
}

// What fails again stays open, and the page says so.
func TestReplayManyThatFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.letter(1, "a", "poison")
	b.letter(2, "b", "poison")
	p := b.SignIn(account.Admin)
	b.ended(p, p.Post("/messages/dead-letters/replay")).Must(200, "<strong>2</strong> of them failed again, and are still open.")
	p.Post("/messages/dead-letters/discard").Must(422, "Reason has to say why.")
	b.ended(p, p.Post("/messages/dead-letters/discard", "reason", "a test")).Must(200, "None has failed.")
	if n := b.count(`dead_letter WHERE state = 'discarded' AND closed_by = 'some-admin' AND note = 'a test'`); n != 2 {
		t.Errorf("%d are discarded", n)
	}
}

// ended waits for the end of a run, and returns its page.
func (b *bundle) ended(p *admintest.Browser, begun admintest.Answer) (page admintest.Answer) {
	b.Helper()
	if !regexp.MustCompile(`^/messages/runs/\d+$`).MatchString(begun.To()) {
		b.Fatalf("no run has begun: %d %s", begun.Status, begun.Body)
	}
	kafkatest.Eventually(b, "the run ends", func() bool { page = p.Get(begun.To()); return page.Header.Get("Refresh") == "" })
	return page
}

// A run whose instance has ended does not look as if it went on.
func TestSilentRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var id int64
	b.row(&id, `INSERT INTO operator_action (by_whom, command, reason, detail) VALUES ('ann', 'dead-letters replay many', '',
		'{"state":"running","matched":8,"done":2,"failed":0,"at":"2026-01-01T00:00:00Z"}') RETURNING id`)
	p := b.SignIn(account.Viewer)
	page := p.Get(fmt.Sprint("/messages/runs/", id)).Must(200, "has probably ended", `aria-label="25 percent are done"`)
	if page.Header.Get("Refresh") != "" {
		t.Error("the page loads itself for ever")
	}
}

// A large payload or detail does not make a page large. The file has all of it.
func TestLargePayload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.letter(1, "a", "poison")
	large := `{"text":"` + strings.Repeat("é", 50_000) + `"}`
	b.exec(`UPDATE dead_letter SET value = $1 WHERE id = $2`, []byte(large), id)
	b.exec(`INSERT INTO operator_action (by_whom, command, reason, detail) VALUES ('ann', 'outbox republish', '', $1)`, large)
	p := b.SignIn(account.Viewer)
	one := fmt.Sprintf("/messages/dead-letters/%d", id)
	for _, path := range []string{one, "/messages/audit"} {
		if a := p.Get(path).Must(200, "Only the beginning is shown."); len(a.Body) > 30_000 || strings.Contains(a.Body, "\ufffd") {
			t.Errorf("%s has %d bytes", path, len(a.Body))
		}
	}
	if a := p.Get(one + "/payload"); a.Body != large {
		t.Errorf("the file has %d bytes", len(a.Body))
	}
}
