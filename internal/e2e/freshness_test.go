//go:build !realkafka

package e2e

// Reading one's own writes does not depend on the broker. So these tests run with make test alone.

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// wait is how long reads wait. It is the longest time that a service grants.
const wait = 10 * time.Second

// A client reads each of its writes in the other service, from any instance, without trying again. Each instance of the catalog
// consumes only a part of the partitions, so it learns of many changes from the other instance.
func TestReadYourWrites(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	monolith, first := s.clients()
	other := s.startCatalog()
	second, err := catalogclient.New(other.url(""), apiclient.WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	// While the instances share the partitions, nothing is read, maybe for longer than a service lets a client wait.
	eventually(t, "each instance reads a half of the product topic and of the request topic", func() bool {
		return s.catalog.partitions() == event.Partitions && other.partitions() == event.Partitions
	})
	ctx := t.Context()
	var writers errgroup.Group
	for n := range 24 {
		writers.Go(func() error {
			created, err := monolith.CreateProductWithResponse(ctx, nil, monolithclient.ProductInput{Name: fmt.Sprint("Desk ", n), ProductCategory: "Desks"})
			if err != nil {
				return err
			}
			id, product := created.JSON201.ProductUUID, created.JSON201.ID
			_, version := apiclient.Written(created.HTTPResponse)
			for _, catalog := range []*catalogclient.Client{first, second} {
				read, err := catalog.GetProductWithResponse(ctx, id, nil, apiclient.AtLeast(version, wait))
				if err != nil || read.JSON200.Version != version {
					return fmt.Errorf("after the creation: %w %+v", err, read)
				}
			}
			renamed, err := monolith.PatchProduct(ctx, product, monolithclient.ProductPatch{Name: new(fmt.Sprint("Table ", n))})
			if err != nil {
				return err
			}
			_, version = apiclient.Written(renamed.HTTPResponse)
			read, err := second.GetProductWithResponse(ctx, id, nil, apiclient.AtLeast(version, wait))
			if err != nil || read.JSON200.Name != fmt.Sprint("Table ", n) {
				return fmt.Errorf("after the change: %w %+v", err, read)
			}
			deleted, err := monolith.DeleteProductWithResponse(ctx, product, nil)
			if err != nil {
				return err
			}
			_, version = apiclient.Written(deleted.HTTPResponse)
			if _, err := first.GetProductWithResponse(ctx, id, nil, apiclient.AtLeast(version, wait)); !apiclient.IsProblem(err, apiclient.NotFound) {
				return fmt.Errorf("after the deletion: %w", err)
			}
			return nil
		})
	}
	if err := writers.Wait(); err != nil {
		t.Error(err)
	}
}

// A client of the catalog reads its change behind the legacy API.
func TestReadYourWritesBehindTheLegacyAPI(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	monolith, catalog := s.clients()
	product := s.createProduct("Desk")
	s.createMarket("DE")
	s.createEntry(product["product_uuid"].(string), "DE")
	var legacy monolithclient.LegacyEntry
	eventually(t, "the entry has an integer", func() bool {
		for _, e := range collect(t, monolith.AllCatalog(t.Context(), monolithclient.ListCatalogParams{})) {
			legacy = e
		}
		return legacy.ID != 0
	})
	for _, entry := range collect(t, catalog.AllEntries(t.Context(), catalogclient.ListEntriesParams{})) {
		deleted, err := catalog.DeleteEntryWithResponse(t.Context(), entry.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, version := apiclient.Written(deleted.HTTPResponse)
		_, err = monolith.GetCatalogWithResponse(t.Context(), legacy.ID, nil, apiclient.AtLeast(version, wait))
		refusedAs(t, err, apiclient.NotFound)
		_, err = monolith.GetCatalogWithResponse(t.Context(), legacy.ID, nil, apiclient.AtLeast(version+1, 0))
		refusedAs(t, err, apiclient.NotYet)
	}
}

// A stop ends a read that waits at once, and does not cut it off.
func TestAStopIsNotHeldUpByAWait(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.catalog = s.startCatalog("SHUTDOWN_GRACE=60s", "SHUTDOWN_DELAY=30s")
	client, err := catalogclient.New(s.catalog.url(""))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := client.GetProductWithResponse(t.Context(), [16]byte{1}, nil, apiclient.AtLeast(1, wait))
		ended <- err
	}()
	eventually(t, "the read waits", func() bool {
		return contains(call(t, http.MethodGet, s.catalog.url("/metrics"), nil).raw, "monsplit_wakeup_waiting 1")
	})
	began := time.Now()
	s.catalog.signal(syscall.SIGTERM)
	refusedAs(t, <-ended, apiclient.NotYet)
	if took := time.Since(began); took > wait/2 {
		t.Errorf("the read ended %v after the stop began", took)
	}
	s.catalog.kill()
}

// partitions counts the partitions that the consumer of the instance reads.
func (p *process) partitions() int {
	p.t.Helper()
	return strings.Count(call(p.t, http.MethodGet, p.url("/metrics"), nil).must(p.t, http.StatusOK).raw, "\nmonsplit_consumer_held{")
}
