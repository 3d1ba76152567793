package catalog

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// A client creates a product and then its entry, and the topic of the products is held up. The requests wait for the
// product, and then are decided without any further event.
func TestARequestWaitsForItsProduct(t *testing.T) {
	t.Parallel()
	i := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- i.owner.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p, known := newID(), i.newProduct()
	create := ask(p, 1, "create", inNL)
	i.deliver(consume.TopicEntryRequest, create, ask(known, 1, "create", inNL),
		ask(p, 2, "patch", `{"availability_end_date":"2026-06-30"}`, create.id()))
	i.wantOutcomes(p)
	i.wantOutcomes(known, "1 accepted v1")
	other := on(t, i.pool) // another instance gets the product
	other.deliver(consume.TopicProduct, product(p, 1))
	i.eventually(func() bool { return len(i.outcomes(p)) == 2 })
	i.wantOutcomes(p, "1 accepted v1", "2 accepted v2")
	later := ask(p, 3, "delete", "", create.id()).with(`"product_version":1`, `"product_version":2`)
	i.deliver(consume.TopicEntryRequest, later)
	i.deliver(consume.TopicProduct, product(p, 2)) // the same instance: the commit kicks Run
	i.eventually(func() bool { return len(i.outcomes(p)) == 3 })
	i.wantOutcomes(p, "1 accepted v1", "2 accepted v2", "3 accepted v3")
}

func (i *instance) eventually(cond func() bool) {
	i.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			i.Fatal("waited in vain")
		}
		<-tick.C
	}
}

// A client of the catalog's own API and a request create the same entry. The one that commits first wins.
func TestARequestRacesWithTheAPI(t *testing.T) {
	t.Parallel()
	i := setup(t)
	p := i.newProduct()
	results := make(chan error)
	go func() {
		_, err := i.entries.Create(t.Context(), entry.Draft{Product: p, Market: "NL"}, nil)
		results <- err
	}()
	i.deliver(consume.TopicEntryRequest, ask(p, 1, "create", inNL))
	err := <-results
	outcome := i.outcomes(p)
	switch e, refused := apperr.As(err); {
	case err == nil && slices.Equal(outcome, []string{"1 refused/entry-exists"}):
	case refused && e.Name() == "entry-exists" && slices.Equal(outcome, []string{"1 accepted v1"}):
	default:
		t.Errorf("the API answered %v, the request %q", err, outcome)
	}
}
