package catalog

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
)

// Refusals that no rule of the draft itself finds.
func TestRefusalsOfRequests(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	for n, tt := range []struct {
		request message
		want    string
	}{
		{ask(p, 1, "create", `{"market":"XX"}`), "refused/unknown-reference"},
		{ask(p, 2, "create", `{}`), "refused/invalid"},
		{ask(p, 3, "create", `{"market":"NL","availability_date":"2026-03-02","availability_end_date":"2026-03-01"}`), "refused/invalid"},
		{ask(p, 4, "patch", `{}`, newID()), "refused/not-found"},
		{ask(p, 5, "create", inNL).with(time.Now().UTC().Format("2006-"), "2025-"), "expired"},
	} {
		i.deliver(consume.TopicEntryRequest, tt.request)
		if got := i.outcomes(p); len(got) != n+1 || got[n] != fmt.Sprintf("%d %s", n+1, tt.want) {
			t.Errorf("outcomes %q, want %s", got, tt.want)
		}
	}
	i.wantNoDeadLetters()
}

// An id that an entry has already is refused, and not poison.
func TestAnIDThatIsTaken(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	first := ask(p, 1, "create", inNL)
	i.deliver(consume.TopicEntryRequest, first)
	if _, err := i.pool.Exec(t.Context(), `TRUNCATE decided_request`); err != nil {
		t.Fatal(err)
	}
	i.deliver(consume.TopicEntryRequest, first.with("NL", "BE"), ask(p, 2, "create", `{"market":"BE"}`))
	i.wantOutcomes(p, "1 accepted v1", "2 refused/entry-exists", "3 accepted v1")
	i.wantNoDeadLetters()
}

// The command line replays and discards requests that could not be read, without a running service.
func TestDeadLettersOfRequests(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	damaged, strange := ask(p, 1, "create", inNL), ask(p, 2, "sell", inNL)
	damaged.damaged = true
	i.deliver(consume.TopicEntryRequest, damaged, strange, ask(p, 3, "create", inNL))
	i.wantOutcomes(p, "1 unreadable", "2 unreadable", "3 accepted v1")
	cfg := checked
	cfg.Database.URL = pgtest.URL(i.pool)
	letters, err := OpenOperations(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(letters.Close)
	if _, err := letters.Discard(t.Context(), 1, "Ada", "as agreed"); err != nil {
		t.Error(err)
	}
	i.wantOutcomes(p, "1 unreadable", "2 unreadable", "3 accepted v1", "4 refused/change-discarded")
	if _, err := letters.Replay(t.Context(), 2, "Ada", ""); err == nil {
		t.Error("a request for an unknown operation was replayed")
	}
	// As if a newer version of the service knew the operation.
	if _, err := i.pool.Exec(t.Context(), `UPDATE dead_letter SET value = convert_to(replace(convert_from(value, 'UTF8'), '"sell"', '"create"'), 'UTF8') WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	if _, err := letters.Replay(t.Context(), 2, "Ada", ""); err != nil {
		t.Error(err)
	}
	i.wantOutcomes(p, "1 unreadable", "2 unreadable", "3 accepted v1", "4 refused/change-discarded", "5 refused/entry-exists")
}
