package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// attackKind is one way to push a service.
type attackKind struct {
	name, about string
	// answers are the statuses that the attacker may get, besides the refusals 429 and 503. Any other status means that the
	// attack is not what it is meant to be.
	answers []int
	// run attacks until ctx is done.
	run func(ctx context.Context, a *attacker) error
}

// attacks returns all attacks, in the order of the table. Those that add rows or events come last.
func attacks() []attackKind {
	return []attackKind{
		{"search", "48 searches at once for a long text that no product has", []int{200}, searches},
		{"letters", "48 searches at once for one or two letters, or for a word that all products have", []int{200}, shortSearches},
		{"lists", "100 clients that read the list of all products slowly", []int{200}, slowReaders},
		{"pages", "16 clients that read pages deep in sorted lists", []int{200}, deepPages},
		{"heads", "32 clients that ask for the header of the list of all products", []int{200}, heads},
		{"row", "48 writers on a product whose row another session has locked", []int{200, 409}, hotRow},
		{"probes", "2,500 readiness probes at once, again and again", []int{200}, probes},
		{"bodies", "300 requests whose bodies arrive byte by byte", []int{400, 408}, slowBodies},
		{"headers", "500 requests whose headers never end", []int{400, 408}, slowHeaders},
		{idleAttack, "2,000 connections that stay idle after a request", []int{200}, idle},
		{"half", "clients that close their side after the request", []int{201}, halfClosed},
		{"members", "bodies with 7,000 unknown members", []int{422}, unknownMembers},
		{"odd", "large and odd headers, methods and paths", []int{200, 201, 304, 400, 404, 405, 406, 412, 414, 422, 431}, oddHeaders},
		{"tokens", "32 clients with a new wrong API token each time", []int{401}, wrongTokens},
		{"waits", "200 clients that ask to wait, for changes of one entry or for a version that never comes", []int{200, 202, 409}, waits},
		{"keys", "creates with a new idempotency key each", []int{201}, idempotencyKeys},
		{"legacy", "creates at the legacy catalog API with a new idempotency key each", []int{201, 202, 409}, legacyKeys},
		{"creates", "32 clients that create entities", []int{201}, creates},
	}
}

func searches(ctx context.Context, a *attacker) error {
	pattern := strings.Repeat("no product has this text ", 4)
	query := url.Values{"search": {pattern}, "include_discontinued": {"true"}, "limit": {"1"}}
	a.crowd(ctx, 48, 100*time.Millisecond, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodGet, a.list+"?"+query.Encode(), "")
	})
	return nil
}

// shortSearches look for texts that are too short for an index, and for one that finds everything. Half of them find nothing, so
// that the whole table is read.
func shortSearches(ctx context.Context, a *attacker) error {
	texts := []string{"q", "o", "zz", "pr", "x", "product"}
	var next atomic.Int64
	a.crowd(ctx, 48, 100*time.Millisecond, func(ctx context.Context, _ int) {
		query := url.Values{"search": {texts[int(next.Add(1))%len(texts)]}, "sort": {"-updated_at"}, "include_discontinued": {"true"}, "limit": {"1"}}
		a.send(ctx, http.MethodGet, a.list+"?"+query.Encode(), "")
	})
	return nil
}

func heads(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 32, 100*time.Millisecond, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodHead, a.list+"?"+a.all, "")
	})
	return nil
}

func probes(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 2500, 0, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodGet, "/readyz", "")
		wait(ctx, time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // all begin again at the same time
	})
	return nil
}

// deepPages asks for pages in the middle of lists. The whole table has one category, so that in the order of the category
// all rows are equal. A cursor is not signed: the attacker takes the first one and changes its id.
func deepPages(ctx context.Context, a *attacker) error {
	lists := []string{"sort=product_category", "sort=-product_category", "product_category=" + seededCategory,
		"sort=product_category&product_category=" + seededCategory}
	var pages []string
	for _, list := range lists {
		cursor, err := a.deepCursor(ctx, list+"&limit=1")
		if err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
		pages = append(pages, a.list+"?"+list+"&limit=1&cursor="+cursor)
	}
	var next atomic.Int64
	a.crowd(ctx, 16, 100*time.Millisecond, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodGet, pages[int(next.Add(1))%len(pages)], "")
	})
	return nil
}

var nextCursor = regexp.MustCompile(`[?&]cursor=([^&>]+)`)

// deepCursor returns a cursor that leads almost to the end of the list.
func (a *attacker) deepCursor(ctx context.Context, list string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Addr+a.list+"?"+list, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	match := nextCursor.FindStringSubmatch(resp.Header.Get("Link"))
	if match == nil {
		return "", fmt.Errorf("the first page has no link: %s", resp.Status)
	}
	text, err := base64.RawURLEncoding.DecodeString(match[1])
	if err != nil {
		return "", err
	}
	var cursor map[string]any
	if err := strictjson.Unmarshal(text, &cursor); err != nil {
		return "", err
	}
	position, ok := cursor["p"].(map[string]any)
	if !ok || position["ID"] == nil {
		return "", fmt.Errorf("the cursor has no id: %s", text)
	}
	position["ID"] = a.key(a.Rows - a.Rows/100)
	text, err = json.Marshal(cursor)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// hotRow locks a row in a session of its own until the end, while others want to change it.
func hotRow(ctx context.Context, a *attacker) error {
	conn, err := pgx.Connect(ctx, a.Database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // this frees the row
	if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if tag, err := conn.Exec(ctx, a.lock); err != nil || tag.RowsAffected() != 1 {
		return errors.Join(fmt.Errorf("lock the row: %s", tag), err)
	}
	a.crowd(ctx, 48, 100*time.Millisecond, func(ctx context.Context, worker int) {
		a.send(ctx, http.MethodPatch, a.create+a.hot, fmt.Sprintf(a.change, 1+worker%28), "Content-Type", "application/merge-patch+json")
	})
	return nil
}

// wrongTokens comes from an address that needs a token. Each token has the form of a real one, so that it must be looked up.
func wrongTokens(ctx context.Context, a *attacker) error {
	a.dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(strangerAddress)}
	a.crowd(ctx, 32, 100*time.Millisecond, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodGet, a.product(1), "", "Authorization", "Bearer monsplit_"+rand.Text())
	})
	return nil
}

func unknownMembers(ctx context.Context, a *attacker) error {
	body := manyMembers(7000)
	a.crowd(ctx, 8, 400*time.Millisecond, func(ctx context.Context, _ int) { a.send(ctx, http.MethodPost, a.create, body) })
	return nil
}

// manyMembers returns an object of at most 64 KiB.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%04d":0`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func creates(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 32, 100*time.Millisecond, func(ctx context.Context, _ int) { a.send(ctx, http.MethodPost, a.create, a.newBody()) })
	return nil
}

func idempotencyKeys(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 16, 50*time.Millisecond, func(ctx context.Context, _ int) {
		a.send(ctx, http.MethodPost, a.create, a.newBody(), "Idempotency-Key", uuid.NewString())
	})
	return nil
}

// waits are half changes, which all have to wait for each other, and half reads of a version that does not exist.
func waits(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 200, 500*time.Millisecond, func(ctx context.Context, worker int) {
		if worker%2 == 0 && a.waiting != "" {
			a.send(ctx, http.MethodPatch, a.waiting, fmt.Sprintf(entryChange, 1+worker%28), "Content-Type", "application/merge-patch+json", "Prefer", "wait=10")
			return
		}
		a.send(ctx, http.MethodGet, a.copied+"?min_version=1000000000", "", "Prefer", "wait=10")
	})
	return nil
}

func legacyKeys(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 16, 50*time.Millisecond, func(ctx context.Context, _ int) {
		n := int(a.number.Add(1))
		body := fmt.Sprintf(`{"product": %d, "market": %d}`, 1+n%a.Rows, 1+n/a.Rows%seededMarkets)
		a.send(ctx, http.MethodPost, legacyCatalog, body, "Idempotency-Key", uuid.NewString())
	})
	return nil
}

func oddHeaders(ctx context.Context, a *attacker) error {
	const large = 28 << 10
	list := func(item string) string { return strings.Repeat(item+",", large/(len(item)+1)) + item }
	requests := []func(ctx context.Context){
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "X-Large", strings.Repeat("x", large))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "X-Large", strings.Repeat("x", 100<<10))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "Accept", list(`a/b;q=0.1;c="d,e"`))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "If-None-Match", list(`"1"`))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodPatch, a.create+a.hot, fmt.Sprintf(a.change, 1), "Content-Type", "application/merge-patch+json", "If-Match", list(`"0"`))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "X-Forwarded-For", list("10.0.0.1"))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "X-Request-Id", strings.Repeat("x", large))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.product(1), "", "Traceparent", strings.Repeat("x", large))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodPost, a.create, a.newBody(), "Prefer", list("wait=1"))
		},
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.list+"/"+strings.Repeat("%61", large/3), "")
		},
		func(ctx context.Context) { a.send(ctx, strings.Repeat("M", large), a.product(1), "") },
		func(ctx context.Context) {
			a.send(ctx, http.MethodGet, a.list+"?limit=1&"+strings.Repeat("a&", large/2), "")
		},
	}
	var next atomic.Int64
	a.crowd(ctx, 16, 100*time.Millisecond, func(ctx context.Context, _ int) { requests[int(next.Add(1))%len(requests)](ctx) })
	return nil
}
