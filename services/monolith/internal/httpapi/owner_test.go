package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	"github.com/monsplit/monsplit/services/monolith/internal/store"
)

// The tests play the owner of the entries: they read requests from the outbox, and let its answers arrive as the consumer
// does.

// asked is a request as the owner reads it.
type asked struct {
	ID        string
	Number    int64
	Operation string          `json:"operation"`
	Entry     uuid.UUID       `json:"entry"`
	Product   uuid.UUID       `json:"product"`
	IfMatch   json.RawMessage `json:"if_match"`
	Values    json.RawMessage `json:"values"`
}

// background runs run until the end of the test.
func (s *server) background(t *testing.T, run func(ctx context.Context) error) {
	t.Helper()
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// meanwhile runs f in the background. The end of the test waits for the end of f.
func (s *server) meanwhile(f func()) {
	s.T.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	s.T.Cleanup(func() { <-ended })
}

// woken is called after each commit that appended something to the outbox.
func (s *server) woken() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// asked returns the n-th request in the outbox, from 1. It waits until the request is there.
func (s *server) asked(n int) (a asked) {
	s.T.Helper()
	deadline := time.After(30 * time.Second)
	for {
		var payload []byte
		err := s.pool.QueryRow(s.T.Context(), `SELECT payload FROM outbox_event WHERE topic = 'monsplit.catalog-entry-request.v1'
			ORDER BY seq OFFSET $1 LIMIT 1`, n-1).Scan(&payload)
		if err == nil {
			e, err := event.Decode(payload)
			if err != nil {
				s.T.Fatal(err)
			}
			if err := json.Unmarshal(e.Data, &a); err != nil {
				s.T.Fatal(err)
			}
			a.ID, a.Number = e.ID, e.Version
			return a
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			s.T.Fatal(err)
		}
		select {
		case <-s.wake:
		case <-deadline:
			s.T.Fatalf("request %d was not sent", n)
		}
	}
}

// requests returns how many requests are in the outbox.
func (s *server) requests() (n int) {
	s.T.Helper()
	if err := s.pool.QueryRow(s.T.Context(), `SELECT count(*) FROM outbox_event WHERE topic = 'monsplit.catalog-entry-request.v1'`).Scan(&n); err != nil {
		s.T.Fatal(err)
	}
	return n
}

// decide lets an outcome arrive. outcome has the members of its data, except for the request.
func (s *server) decide(a asked, outcome string) {
	s.T.Helper()
	e := consumer.Event{Event: event.Event{
		Type: "monsplit.catalog-entry.change-decided.v1", Data: json.RawMessage(fmt.Sprintf(`{"request":%q,%s}`, a.ID, outcome)),
	}}
	s.receive(func(tx *store.EventTx) error { return consume.Outcomes(s.T.Context(), tx, []consumer.Event{e}) })
}

// accept lets the outcome of an accepted request arrive.
func (s *server) accept(a asked, version int64) {
	s.T.Helper()
	s.decide(a, fmt.Sprintf(`"outcome":"accepted","version":%d`, version))
}

const entryExists = `"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/entry-exists","title":"Conflict",` +
	`"status":409,"detail":"There is already an entry for this product in this market."}`

// state is a version of an entry in NL.
type state struct {
	version    int64
	start, end *time.Time
	deleted    bool
	at         time.Time // of the change; noon if it is zero
}

// arrive lets a version of the entry arrive.
func (s *server) arrive(a asked, e state) {
	s.T.Helper()
	if e.at.IsZero() {
		e.at = noon
	}
	s.receive(func(tx *store.EventTx) error {
		return catalogcopy.ApplyEntries(s.T.Context(), tx, []catalogcopy.EntryChange{{
			ID: a.Entry, Change: copyrow.Change{Version: e.version, Time: e.at, Deleted: e.deleted},
			EntryData: catalogcopy.EntryData{Product: a.Product, Market: "NL", Start: e.start, End: e.end, UpdatedAt: e.at},
		}})
	})
}

// receive commits what f applies, and tells those who wait.
func (s *server) receive(f func(tx *store.EventTx) error) {
	s.T.Helper()
	if err := postgres.InTx(s.T.Context(), s.pool, func(tx pgx.Tx) error { return f(store.Bind(tx)) }); err != nil {
		s.T.Error(err) // not Fatal: tests call this in other goroutines too
	}
	s.waiters.Kick()
}

// market adds NL, which gets the next id.
func (s *server) market(at time.Time) {
	s.T.Helper()
	s.apply(func(tx catalogcopy.Tx) error {
		return catalogcopy.ApplyMarkets(s.T.Context(), tx, []catalogcopy.MarketChange{{ISOCode: "NL", Change: copyrow.Change{Version: 1, Time: at},
			MarketData: catalogcopy.MarketData{Name: "Netherlands", UpdatedAt: at}}})
	})
}
