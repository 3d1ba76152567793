package adminmessages_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// route is a page or an action, with the role that it needs.
type route struct {
	path  string
	needs account.Role
}

func (b *bundle) pages(letter int64) []string {
	return []string{
		"/messages/outbox", "/messages/dead-letters", fmt.Sprintf("/messages/dead-letters/%d", letter),
		fmt.Sprintf("/messages/dead-letters/%d/payload", letter), "/messages/consumer", "/messages/relay", "/messages/audit",
	}
}

// actions are all actions. The order is that in which they are possible.
func (b *bundle) actions(letter int64) []route {
	one := fmt.Sprintf("/messages/dead-letters/%d", letter)
	topic, own := url.QueryEscape(b.other), url.QueryEscape(b.own)
	return []route{
		{"/messages/outbox/retry?topic=" + own + "&key=a", account.Editor}, {"/messages/outbox/discard?topic=" + own + "&key=a", account.Admin},
		{one + "/replay", account.Editor}, {one + "/discard", account.Admin},
		{"/messages/dead-letters/replay", account.Editor}, {"/messages/dead-letters/discard", account.Admin},
		{"/messages/consumer/pause?topic=" + topic, account.Admin}, {"/messages/consumer/resume?topic=" + topic, account.Admin},
		{"/messages/consumer/skip?topic=" + topic + "&partition=0", account.Admin},
		{"/messages/repair/adopt", account.Admin}, {"/messages/repair/reset?topic=" + topic, account.Admin},
		{"/messages/repair/republish", account.Admin}, {"/messages/repair/compare", account.Admin}, {"/messages/repair/reassert", account.Admin},
		{"/messages/relay/pause?topic=" + own, account.Admin}, {"/messages/relay/resume?topic=" + own, account.Admin},
	}
}

// state is everything that the actions can change.
func (b *bundle) state() string {
	b.Helper()
	return fmt.Sprint(b.count(`outbox_pending`), b.count(`outbox_blocked WHERE retry_at > now()`), b.count(`dead_letter WHERE state = 'open' AND attempts = 1`),
		b.count(`consumer_position WHERE paused_code IS NULL`), b.count(`outbox_pause`), len(b.audited()))
}

// busy makes each action possible but resume, and returns the id of a dead letter.
func (b *bundle) busy() int64 {
	b.Helper()
	b.append("a", 1)
	b.refuse("a")
	b.read()
	return b.letter(1, "k", "poison")
}

// Nobody sees a page or does anything without a session, and a page of another site does nothing either.
func TestStrangersDoNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	letter := b.busy()
	before := b.state()
	stranger, forged := b.Anonymous(), b.SignIn(account.Admin)
	forged.Header.Set("Origin", "https://evil.example")
	for _, path := range b.pages(letter) {
		if a := stranger.Get(path); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.To(), "/sign-in") {
			t.Errorf("%s without a session: %d", path, a.Status)
		}
	}
	for _, r := range b.actions(letter) {
		path, query, _ := strings.Cut(r.path, "?")
		form, err := url.ParseQuery(query + "&reason=because")
		if err != nil {
			t.Fatal(err)
		}
		if a := stranger.Do(http.MethodPost, path, form); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "<h1>Sign in</h1>") {
			t.Errorf("%s without a session: %d", path, a.Status)
		}
		if a := forged.Do(http.MethodPost, path, form); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "another site") {
			t.Errorf("%s from another site: %d", path, a.Status)
		}
	}
	if after := b.state(); after != before {
		t.Errorf("changed from %s to %s", before, after)
	}
}

// Each page and action checks the role on the server. A question changes nothing, and a page offers only what its user may do.
func TestRoles(t *testing.T) {
	t.Parallel()
	for _, role := range account.Roles {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			letter := b.busy()
			p := b.SignIn(role)
			before := b.state()
			all := ""
			for _, path := range b.pages(letter) {
				a := p.Get(path).Must(200)
				all += a.Body
				if strings.Contains(a.Body, evil) || strings.Contains(a.Body, "<b>bold") && !strings.HasSuffix(path, "/payload") {
					t.Errorf("%s has HTML from outside: %s", path, a.Body)
				}
			}
			for _, r := range b.actions(letter) {
				path, _, _ := strings.Cut(r.path, "?")
				allowed := role.Includes(r.needs)
				if offered := strings.Contains(all, `href="/admin`+path); offered && !allowed {
					t.Errorf("%s is offered", path)
				}
				a := p.Get(r.path)
				if refused := a.Status == http.StatusForbidden; refused == allowed || a.Status >= 500 {
					t.Errorf("%s asks with %d: %s", r.path, a.Status, a.Body)
				}
				if strings.Contains(a.Body, evil) {
					t.Errorf("%s has HTML from outside", r.path)
				}
			}
			if after := b.state(); after != before {
				t.Errorf("questions changed %s to %s", before, after)
			}
			for _, r := range b.actions(letter) {
				if role.Includes(r.needs) {
					continue
				}
				path, query, _ := strings.Cut(r.path, "?")
				form, err := url.ParseQuery(query + "&reason=because")
				if err != nil {
					t.Fatal(err)
				}
				p.Do(http.MethodPost, path, form).Must(http.StatusForbidden, "needs another role")
			}
			if after := b.state(); after != before {
				t.Errorf("forbidden actions changed %s to %s", before, after)
			}
		})
	}
}

// Each page says that nothing is wrong when it is empty.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.SignIn(account.Viewer)
	if to := p.Get("/messages").To(); to != "/messages/outbox" {
		t.Errorf("the first page leads to %s", to)
	}
	p.Get("/messages/outbox").Must(200, "All events are sent. Nothing is wrong.")
	p.Get("/messages/dead-letters").Must(200, "There are no open dead letters", "Nothing is wrong.")
	p.Get("/messages/dead-letters?state=all&code=x").Must(200, "No dead letter matches.")
	p.Get("/messages/consumer").Must(200, "Nothing was read from this topic yet.")
	p.Get("/messages/relay").Must(200, "Nothing is wrong", "No instance sends events at the moment.", "The holder of a shard is the instance that sends its events")
	p.Get("/messages/audit?before=1").Must(200, "There is nothing more.")
	for _, path := range []string{"/messages/dead-letters/7", "/messages/dead-letters/x", "/messages/runs/1", "/messages/dead-letters/7/payload"} {
		p.Get(path).Must(404)
	}
	for _, path := range []string{
		"/messages/outbox?before=x", "/messages/outbox?key=%00", "/messages/outbox?topic=%ff", "/messages/dead-letters?state=bad",
		"/messages/dead-letters?after=-1", "/messages/audit?before=99999999999999999999",
	} {
		p.Get(path).Must(400, "This address or form cannot be used")
	}
}

// The outbox shows what is unsent and refused. A person tries it again, or gives it up with a reason.
func TestOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append("a", 1)
	b.append("a", 2)
	b.append("c", 1)
	b.refuse("a")
	b.exec(`INSERT INTO outbox_blocked VALUES ($1, 'b', 1, now() + interval '1 hour', 'wrong')`, b.own)
	p := b.SignIn(account.Admin)
	p.Get("/messages/outbox").Must(200, "<strong>3</strong> unsent", "<strong>2</strong> refused by Kafka", "too large "+evil, "3 tries")
	p.Get("/messages/outbox?key=c").Must(200, "<code>c</code>", "Show all")

	p.Get("/messages/outbox/retry").Must(200, "Try the refused events of 2 keys again now?")
	p.Follow(p.Post("/messages/outbox/retry", "topic", b.own, "key", "b")).Must(200, "The refused events of 1 key are tried again now.")
	if n := b.count(`outbox_blocked WHERE retry_at <= now() AND key = 'b'`); n != 1 {
		t.Errorf("%d aggregates are tried again", n)
	}

	const discard = "/messages/outbox/discard"
	p.Get(discard+"?topic="+b.own+"&key=a").Must(200, "Never send this event?", "<dd>1</dd>", `name="reason"`, "required")
	p.Post(discard, "topic", b.own, "key", "a").Must(422, "Reason has to say why.")
	p.Post(discard, "topic", b.own, "key", "a", "reason", " ").Must(422, "Reason has to say why.")
	p.Post(discard, "topic", b.own, "key", "a", "reason", evil+"\x1b").Must(422, "printable", `value="&lt;script&gt;`)
	if n := b.count(`outbox_discarded`); n != 0 {
		t.Errorf("%d events are discarded without a reason", n)
	}
	p.Follow(p.Post(discard, "topic", b.own, "key", "a", "reason", "it is empty "+evil)).Must(200, "The event own.changed.v1 of a, version 1, is discarded.", "discarded</span>")
	p.Post(discard, "topic", b.own, "key", "a", "reason", "again").Must(409, "No event of this key is refused.")
	p.Get(discard+"?topic="+b.own+"&key=none").Must(409, "No event of this key is refused.")
	want := []string{"some-admin: outbox discard: it is empty " + evil, "some-admin: outbox retry: "}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
	if a := p.Get("/messages/audit").Must(200, "outbox discard", "it is empty", "no reason given"); strings.Contains(a.Body, evil) {
		t.Error("the audit has HTML from outside")
	}
}

// Long lists have parts that can be read one after the other.
func TestParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 60 {
		b.append(fmt.Sprint("key-", i), 1)
		b.letter(int64(i), fmt.Sprint("key-", i), "poison")
		b.exec(`INSERT INTO operator_action (by_whom, command, reason, detail) VALUES ('ann', 'outbox pause', '', '[]')`)
	}
	p := b.SignIn(account.Viewer)
	for path, in := range map[string]struct{ first, last string }{
		"/messages/outbox": {"key-59", "key-0"}, "/messages/dead-letters": {"key-0<", "key-59"}, "/messages/dead-letters?code=poison": {"key-0<", "key-59"},
	} {
		page := p.Get(path).Must(200, in.first)
		if strings.Contains(page.Body, "<code>"+in.last+"</code>") {
			t.Errorf("%s has everything", path)
		}
		for _, next := range nextParts(page.Body) {
			p.Get(strings.TrimSuffix(path, "?code=poison")+next).Must(200, "<code>"+in.last+"</code>")
		}
	}
	page := p.Get("/messages/audit").Must(200)
	rest := nextParts(page.Body)
	if n := strings.Count(page.Body, "<details>"); n != 50 || len(rest) != 1 {
		t.Fatalf("%d records and %q", n, rest)
	}
	if n := strings.Count(p.Get("/messages/audit"+rest[0]).Must(200).Body, "<details>"); n < 10 {
		t.Errorf("%d records in the next part", n)
	}
}

var nextPart = regexp.MustCompile(`rel="next" href="([^"]*)"`)

// nextParts returns the links to the next parts of the lists of a page.
func nextParts(body string) (links []string) {
	for _, found := range nextPart.FindAllStringSubmatch(body, -1) {
		links = append(links, html.UnescapeString(found[1]))
	}
	return links
}
