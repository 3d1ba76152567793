package adminui_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

const evil = `<script>alert("x")</script>`

// rename gives an object its next versions, each with another name. The user has made the changes.
func (s *service) rename(o history.Object, user string, names ...string) {
	s.Helper()
	ctx := caller.With(caller.WithRequest(s.Context(), caller.Request{ID: "r-1"}), caller.Caller{Kind: caller.KindSession, Name: user})
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		r := history.In(tx)
		for i, name := range names {
			c := history.Change{
				Object: o, Kind: "updated", Time: time.Date(2026, 11, 23, 12, 0, i, 0, time.UTC),
				State: []history.Value{{Field: "name", Value: name}, {Field: "end", Value: nil}, {Field: "discontinued", Value: i%2 == 1}},
				Event: event.Message{ID: uuid.New(), Version: int64(i + 1)},
			}
			if err := r.Record(ctx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// Every role sees the history, and nobody else does. Names are shown as text.
func TestHistoryPage(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	o := history.Object{Model: "product", Key: "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"}
	s.rename(o, evil, "Chair", evil)
	path := "/history/product/" + o.Key
	if a := s.browser().get(path); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/shop/admin/sign-in?next=") || strings.Contains(a.body, "Chair") {
		t.Errorf("without a session: %d to %s, %s", a.status, a.to(), a.body)
	}
	signedOut := s.signedIn("vic")
	signedOut.post("/sign-out")
	if a := signedOut.get(path); a.status != http.StatusSeeOther {
		t.Errorf("after the sign-out: %d", a.status)
	}
	for _, user := range []string{"vic", "edith", "admin"} {
		b := s.signedIn(user)
		a := b.get(path)
		if a.status != http.StatusOK || strings.Contains(a.body, "<script>") || !strings.Contains(a.body, "History of thing "+o.Key+"</h1>") {
			t.Errorf("%s: %d %s", user, a.status, a.body)
		}
		for _, want := range []string{
			`<time datetime="2026-11-23T12:00:01Z">2026-11-23T12:00:01Z</time>`,
			`<li>Name: <del><bdi>Chair</bdi></del> → <ins><bdi>&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;</bdi></ins></li>`,
			`<li>discontinued: <del><bdi>false</bdi></del> → <ins><bdi>true</bdi></ins></li>`,
			`<li>Name: <em>nothing</em> → <ins><bdi>Chair</bdi></ins></li>`,
			`<bdi>user &lt;script&gt;`, `<small>cause: HTTP request r-1</small>`,
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s: the page lacks %s: %s", user, want, a.body)
			}
		}
		if a := b.post(path); a.status != http.StatusMethodNotAllowed && a.status != http.StatusNotFound {
			t.Errorf("%s: a form: %d", user, a.status)
		}
	}
}

// The pages have each version once, the newest first. An object without a history has a page that says so.
func TestHistoryInPages(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	names := make([]string, 120)
	for i := range names {
		names[i] = strings.Repeat("x", i+1)
	}
	s.rename(history.Object{Model: "product", Key: "NL"}, "ada", names...)
	b := s.signedIn("vic")
	const path = "/history/product/NL"
	row, older := regexp.MustCompile(`role="rowheader">(\d+)<`), regexp.MustCompile(`href="(\?(?:[^"]*&amp;)?before=\d+)"`)
	var versions []string
	for pages, query := 0, ""; ; pages++ {
		a := b.get(path + query)
		if a.status != http.StatusOK || pages > 3 || strings.Contains(a.body, ">Newest versions<") != (query != "") {
			t.Fatalf("page %d: %d %s", pages, a.status, a.body)
		}
		for _, found := range row.FindAllStringSubmatch(a.body, -1) {
			versions = append(versions, found[1])
		}
		next := older.FindStringSubmatch(a.body)
		if next == nil {
			break
		}
		query = next[1]
	}
	if len(versions) != 120 || versions[0] != "120" || versions[50] != "70" || versions[119] != "1" {
		t.Errorf("got %v", versions)
	}
	for _, path := range []string{
		"/history/product/BE", "/history/product/%3Cscript%3E", "/history/product/a%00b", "/history/product/%ff", path + "?before=1", path + "?before=-1", path + "?before=x",
	} {
		empty := !strings.Contains(path, "NL?") || strings.HasSuffix(path, "=1")
		a := b.get(path)
		if a.status != http.StatusOK || strings.Contains(a.body, "The history has no versions of it.") != empty || strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<b>") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// Only the models that this service owns have a history. The history of a thing that still exists names it, and leads back to it.
func TestHistoriesThatExist(t *testing.T) {
	t.Parallel()
	s := setup(t, "/shop")
	b := s.signedIn("vic")
	for _, path := range []string{"/history/nonsense/1", "/history/stranger/NL", "/history/%3Cb%3E/%3Cscript%3E", "/history/a%00b/NL"} {
		if a := b.get(path); a.status != http.StatusNotFound || !strings.Contains(a.body, "There is no such page") || strings.Contains(a.body, "<script>") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	names := make([]string, 60)
	for i := range names {
		names[i] = strings.Repeat("x", i+1)
	}
	s.rename(history.Object{Model: "product", Key: "key-1"}, "ada", names...)
	s.rename(history.Object{Model: "product", Key: "key-2"}, "ada", "lamp")
	a := b.get("/history/product/key-1?thing=1")
	for _, want := range []string{"<h1>History of " + html.EscapeString(hostile) + "</h1>", `<a href="/shop/admin/things/1">Back to the thing</a>`, `<a href="?before=11&amp;thing=1">Older versions</a>`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %s: %s", want, a.body)
		}
	}
	if a := b.get("/history/product/key-1?thing=1&before=11"); !strings.Contains(a.body, `<a href="?thing=1">Newest versions</a>`) {
		t.Error(a.body)
	}
	for _, path := range []string{"/history/product/key-2?thing=1", "/history/product/key-2?thing=2", "/history/product/key-2"} {
		if a := b.get(path); a.status != http.StatusOK || !strings.Contains(a.body, "<h1>History of thing key-2</h1>") || !strings.Contains(a.body, ">All things</a>") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
