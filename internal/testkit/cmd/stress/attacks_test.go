package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

const patience = 60 * time.Second

// fakeMonolith answers every request.
func fakeMonolith(t *testing.T) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := json.Marshal(map[string]any{"v": 1, "l": "x", "p": map[string]any{"ID": 1, "Text": "a"}})
		w.Header().Set("Link", "<"+r.URL.Path+"?cursor="+base64.RawURLEncoding.EncodeToString(text)+">; rel=\"next\"")
		fmt.Fprintln(w, "[]")
	}))
	t.Cleanup(server.Close)
	return server
}

// An attack that does nothing would show that the service stands everything.
func TestEveryAttackHappens(t *testing.T) {
	t.Parallel()
	for _, kind := range attacks() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			server := fakeMonolith(t)
			a := newAttacker(target{Service: monolith, Addr: server.Listener.Addr().String(), Rows: 1000})
			t.Cleanup(a.client.CloseIdleConnections)
			left := 20
			a.counted = func() {
				if left--; left == 0 {
					cancel()
				}
			}
			if kind.name == "row" {
				pool := pgtest.New(t)
				if _, err := pool.Exec(ctx, "CREATE TABLE product AS SELECT 7 AS id"); err != nil {
					t.Fatal(err)
				}
				a.Database = pgtest.URL(pool)
			}
			if err := kind.run(ctx, a); err != nil {
				t.Fatal(err)
			}
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Fatalf("the attack has done only this: %s, %d opened", a.tally, a.tally.Opened)
			}
		})
	}
}

func TestAttackerEndsWithItsInput(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		asked <- struct{}{}
	}))
	t.Cleanup(server.Close)
	stdin, input := io.Pipe()
	go func() {
		text, _ := json.Marshal(target{Service: monolith, Addr: server.Listener.Addr().String(), Rows: 10})
		fmt.Fprintln(input, string(text))
		for range 100 { // more than the workers, so that some answers are counted
			<-asked
		}
		input.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out bytes.Buffer
	if err := attack(ctx, "creates", stdin, &out); err != nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	r := running{out: out}
	got, err := r.tally()
	if err != nil || got.Answers[http.StatusCreated] == 0 || len(got.Answers) != 1 || got.Cut > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDeepCursors(t *testing.T) {
	t.Parallel()
	server := fakeMonolith(t)
	a := newAttacker(target{Service: monolith, Addr: server.Listener.Addr().String(), Rows: 1000})
	t.Cleanup(a.client.CloseIdleConnections)
	cursor, err := a.deepCursor(t.Context(), "sort=name&limit=1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if want := `{"l":"x","p":{"ID":990,"Text":"a"},"v":1}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

func TestUnknownMembersFillTheBody(t *testing.T) {
	t.Parallel()
	body := manyMembers(7000)
	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil || len(members) != 7000 || len(body) > 64<<10 {
		t.Errorf("%d members in %d bytes: %v", len(members), len(body), err)
	}
}

func TestTallyCountsFaults(t *testing.T) {
	t.Parallel()
	a := newAttacker(target{Rows: 10})
	a.count(t.Context(), &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {"1"}}}, nil, nil)
	a.count(t.Context(), &http.Response{StatusCode: 503, Status: "503 x", Header: http.Header{}}, []byte("one"), nil)
	a.count(t.Context(), &http.Response{StatusCode: 500, Status: "500 y", Header: http.Header{}}, []byte("two"), nil)
	a.count(t.Context(), nil, nil, net.ErrClosed)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	a.count(over, nil, nil, net.ErrClosed)
	if got, want := a.tally, (tally{Answers: map[int]int{500: 1, 503: 2}, NoRetryAfter: 1, Cut: 1, Unfinished: 1, Example: "503 x one"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := a.tally.String(), "1 × 500, 2 × 503, 1 × closed, 1 × no answer yet"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	chosen, err := choose("row,search")
	if err != nil || len(chosen) != 2 || chosen[0].name != "search" || chosen[1].name != "row" {
		t.Errorf("%v, %v", chosen, err)
	}
	if _, err := choose("row,none"); err == nil {
		t.Error("no error for an attack that does not exist")
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		short, catalog bool
		only           string
		want           string // "" if it is refused
	}{
		"a service":                 {catalog: true, only: "row,search", want: "catalog: search row"},
		"in short":                  {short: true, only: "tokens", want: "monolith: tokens"},
		"not for the catalog":       {catalog: true, only: "legacy"},
		"a part for the catalog":    {catalog: true, only: "legacy,keys", want: "catalog: keys"},
		"an attack that is unknown": {only: "none"},
	} {
		parts, err := planOf(tt.short, tt.catalog, tt.only)
		if got := planned(parts); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
	all, err := planOf(false, false, "")
	if err != nil || len(all) != 1 || len(all[0].attacks) != len(attacks()) {
		t.Errorf("everything is %q, %v", planned(all), err)
	}
	brief, err := planOf(true, false, "")
	if err != nil || len(brief) != 2 || brief[0].service != monolith || len(brief[0].attacks) != len(attacks())-len(notBrief) ||
		planned(brief[1:]) != "catalog: search lists row keys" {
		t.Errorf("in short, it is %q, %v", planned(brief), err)
	}
}

func planned(parts []part) string {
	var all []string
	for _, p := range parts {
		text := p.service + ":"
		for _, a := range p.attacks {
			text += " " + a.name
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// The document has a row for each attack, and no other.
func TestAttacksAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Under attack\n")
	if !found {
		t.Fatal("the document has no section about attacks")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 4 && strings.HasPrefix(cells[1], " `") {
			listed = append(listed, strings.Trim(cells[1], " `")+": "+strings.TrimSpace(cells[2]))
		}
	}
	var want []string
	for _, a := range attacks() {
		want = append(want, a.name+": "+a.about)
	}
	if !slices.Equal(listed, want) {
		t.Errorf("the document lists\n%s\nwant\n%s", strings.Join(listed, "\n"), strings.Join(want, "\n"))
	}
}
