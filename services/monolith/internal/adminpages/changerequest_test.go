package adminpages_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/services/monolith/internal/adminpages"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

// A person sees which changes of entries were asked for, and why the catalog refused some.
func TestChangeRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	b.market("NL", "DE")
	p := b.SignIn(account.Editor)
	p.Get("/change-requests").Must(200, "There are no requests yet.", "Nothing is wrong.")
	p.Post("/entries/new", "product", "1", "market", "1", "availability_date", "2026-03-01")
	const evil = `<script>alert(1)</script>`
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{
		Type: "/problems/invalid", Title: "Not valid", Status: 422, Detail: "It is not valid " + evil, Faults: []catalogchange.Fault{{Pointer: "/market", Detail: "must be known"}},
	}, nil)
	p.Post("/entries/new", "product", "1", "market", "2", "availability_date", "2026-03-01").Must(422)

	all := p.Get("/change-requests").Must(200, "Create entry 1", "Create entry 2", `<span class="state">pending</span>`, "It is not valid "+evil+". Market must be known.")
	rows := all.Rows()
	if len(rows) != 2 || strings.Contains(all.Body, evil) {
		t.Fatalf("rows %q: %s", rows, all.Body)
	}
	for query, want := range map[string]int{"?stage=pending": 1, "?stage=refused": 1, "?stage=done": 0, "?stage=expired": 0, "?stage=other": 2, "?sort=sent": 2} {
		if got := len(p.Get("/change-requests" + query).Must(200).Rows()); got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
	all.Must(200, "user some-editor", `<span class="n">1</span>`) // counts beside the filters, and who asked
	var refused, pending uuid.UUID
	b.row(&refused, `SELECT id FROM sent_request WHERE outcome = 'refused'`)
	b.row(&pending, `SELECT id FROM sent_request WHERE outcome IS NULL`)
	p.Get("/change-requests/"+refused.String()).Must(200, "Create entry 2", "refused the request, and changed nothing: It is not valid "+evil+". Market must be known. Ask again with other values.", "/problems/invalid")
	p.Get("/change-requests/"+pending.String()).Must(200, "has not decided yet", `href="/admin/products/1"`, `href="/admin/markets/1"`)
	for _, none := range []string{uuid.NewString(), "x", strings.ToUpper(pending.String())} {
		p.Get("/change-requests/" + none).Must(404)
	}
	p.Get("/change-requests.csv").Must(200, "Create entry 1", "refused")
	for _, path := range []string{"/change-requests/new", "/change-requests/do", "/change-requests/" + pending.String()} {
		if a := p.Post(path, "version", "1"); a.Status < 400 {
			t.Errorf("POST %s is %d", path, a.Status)
		}
	}
}

// Long lists go on in both directions.
func TestPartsOfChangeRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	b.market("NL")
	p := b.SignIn(account.Editor)
	p.Post("/entries/new", "product", "1", "market", "1")
	b.exec(`INSERT INTO sent_request (id, topic, key, number, subject, body, created_at, expires_at)
		SELECT ('0199d0a5-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, topic, key, 100 + i, subject, body, created_at, expires_at
		FROM sent_request, generate_series(1, 60) i`)
	first := p.Get("/change-requests").Must(200)
	second := p.Get(first.Page("next")).Must(200)
	if len(first.Rows()) != 50 || len(second.Rows()) != 11 {
		t.Fatalf("%d and %d rows", len(first.Rows()), len(second.Rows()))
	}
	back := p.Get(second.Page("prev")).Must(200)
	ids := regexp.MustCompile(`/change-requests/[0-9a-f-]{36}`)
	if got, want := ids.FindAllString(back.Body, -1), ids.FindAllString(first.Body, -1); len(got) != 50 || !slices.Equal(got, want) {
		t.Errorf("back at %s, want %s", got, want)
	}
}

func (b *bundle) row(to any, sql string) {
	b.Helper()
	if err := b.pool.QueryRow(b.Context(), sql).Scan(to); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) exec(sql string) {
	b.Helper()
	if _, err := b.pool.Exec(b.Context(), sql); err != nil {
		b.Fatal(err)
	}
}

// The first page tells of requests that wait long, and of those that the catalog has refused lately.
func TestNeedsOfChangeRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create("Furniture", "Desk")
	b.market("NL", "DE", "FR")
	p := b.SignIn(account.Editor)
	p.Post("/entries/new", "product", "1", "market", "1")
	needs := func(later time.Duration) (texts []string) {
		now := func() time.Time { return time.Now().Add(later) }
		changes := catalogchange.NewService(b.store.Changes(), b.owner, catalogchange.Config{Expiry: time.Hour}, now, uuid.New)
		all, err := adminpages.Needs(changes, now)(b.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			texts = append(texts, one.Text+" "+one.Path)
			p.Get("/" + one.Path).Must(200)
		}
		return texts
	}
	if got := needs(0); len(got) != 0 {
		t.Errorf("at once: %q", got)
	}
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Type: "/problems/invalid", Title: "Not valid", Status: 422}, nil)
	p.Post("/entries/new", "product", "1", "market", "2")
	// A fault that was mended needs nobody.
	b.decides(catalogchange.Refused, 0, &catalogchange.Problem{Type: "/problems/invalid", Title: "Not valid", Status: 422, Detail: "It is wrong."}, nil)
	p.Post("/entries/new", "product", "1", "market", "3").Must(422)
	p.Get("/entries").Must(200, ">Desk in Market FR</a>", "It is wrong.")
	b.decides(catalogchange.Accepted, 1, nil, nil)
	p.Post("/entries/new", "product", "1", "market", "3")
	if list := p.Get("/entries").Must(200, ">Desk in Market DE</a>"); strings.Contains(list.Body, "It is wrong.") {
		t.Errorf("the list has a refusal that was mended: %s", list.Body)
	}
	for later, want := range map[time.Duration][]string{
		30 * time.Second: {"The catalog refused 1 change of an entry in the last 24 hours, and nobody has mended it. change-requests?stage=refused"},
		5 * time.Minute: {
			"Changes of entries wait for the catalog, the oldest for 5 min. change-requests?stage=pending",
			"The catalog refused 1 change of an entry in the last 24 hours, and nobody has mended it. change-requests?stage=refused",
		},
		25 * time.Hour: {"Changes of entries wait for the catalog, the oldest for 25 h. change-requests?stage=pending"},
	} {
		if got := needs(later); !slices.Equal(got, want) {
			t.Errorf("after %s: %q, want %q", later, got, want)
		}
	}
}
