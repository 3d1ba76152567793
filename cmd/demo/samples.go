package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

const (
	readyPatience  = 30 * time.Second
	samplePatience = time.Minute // for the products to reach the catalog
)

// awaitReady waits until both services report that all their parts are ready.
func (s system) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, addr := range []string{s.monolith.HTTP.HealthAddr(), s.catalog.HTTP.HealthAddr()} {
		for {
			answer, err := httpserver.AskReadiness(ctx, addr)
			if err == nil && answer.Ready() {
				break
			}
			if err == nil {
				err = errors.New(answer.String())
			}
			select {
			case <-ctx.Done():
				if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
					return cause
				}
				return fmt.Errorf("the service on %s is not ready: %w", addr, err)
			case <-tick.C:
			}
		}
	}
	return nil
}

// importSamples imports the sample data once into each database, so that the next start does not bring back what was
// deleted.
func (s system) importSamples(ctx context.Context, said *narrator) error {
	if err := importAll(ctx, s.monolith, monolith.OpenImport, said); err != nil {
		return err
	}
	return importAll(ctx, s.catalog, catalog.OpenImport, said)
}

func importAll[C any](ctx context.Context, cfg C, open func(context.Context, C) (bulkimport.Target, error), said *narrator) error {
	target, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer target.Close()
	for _, importer := range target.Importers {
		summary, err := target.SampleOnce(ctx, importer, samplePatience, bulkimport.Tell{})
		if err != nil {
			return err
		}
		if !summary.Skipped {
			said.line("imported the sample: " + summary.String())
		}
	}
	return nil
}
