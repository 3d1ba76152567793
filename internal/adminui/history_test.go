package adminui_test

import (
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
		if a.status != http.StatusOK || strings.Contains(a.body, "<script>") || !strings.Contains(a.body, "History of product "+o.Key+"</h1>") {
			t.Errorf("%s: %d %s", user, a.status, a.body)
		}
		for _, want := range []string{
			`<time datetime="2026-11-23T12:00:01Z">2026-11-23T12:00:01Z</time>`,
			`<li>name: <del><bdi>Chair</bdi></del> → <ins><bdi>&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;</bdi></ins></li>`,
			`<li>discontinued: <del><bdi>false</bdi></del> → <ins><bdi>true</bdi></ins></li>`,
			`<li>name: <em>nothing</em> → <ins><bdi>Chair</bdi></ins></li>`,
			`<bdi>user &lt;script&gt;`, `<small>cause: r-1</small>`,
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
	s.rename(history.Object{Model: "market", Key: "NL"}, "ada", names...)
	b := s.signedIn("vic")
	const path = "/history/market/NL"
	row, older := regexp.MustCompile(`role="rowheader">(\d+)<`), regexp.MustCompile(`href="(\?before=\d+)"`)
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
		"/history/market/BE", "/history/stranger/NL", "/history/%3Cb%3E/%3Cscript%3E", "/history/a%00b/NL", "/history/market/%ff", path + "?before=1", path + "?before=-1", path + "?before=x",
	} {
		empty := !strings.Contains(path, "NL?") || strings.HasSuffix(path, "=1")
		a := b.get(path)
		if a.status != http.StatusOK || strings.Contains(a.body, "The history has no versions of it.") != empty || strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<b>") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}
