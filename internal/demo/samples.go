package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/imports"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

const (
	readyPatience  = 30 * time.Second
	samplePatience = time.Minute // for the products to reach the catalog
)

// awaitReady waits until both services say that all their parts are well.
func (s system) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, cfg := range []config.Service{s.monolith, s.catalog} {
		for {
			err := ready(ctx, shown(cfg.HTTPAddr))
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
					return cause
				}
				return fmt.Errorf("the service on %s is not ready: %w", cfg.HTTPAddr, err)
			case <-tick.C:
			}
		}
	}
	return nil
}

// ready returns nil when /readyz reports nothing amiss, and otherwise what it reports.
func ready(ctx context.Context, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status string
		Checks []struct{ Name, Detail string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status == "ready" {
		return nil
	}
	var details []string
	for _, c := range answer.Checks {
		if c.Detail != "" {
			details = append(details, c.Name+": "+c.Detail)
		}
	}
	return errors.New(strings.Join(details, "; "))
}

// importSamples imports the sample data, once for each data folder: what somebody deletes does not come back with the
// next start.
func (s system) importSamples(ctx context.Context, dir string, said *narrator) error {
	marker := filepath.Join(dir, "sample-data-imported")
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	for _, from := range []struct {
		cfg  config.Service
		open func(context.Context, config.Service) ([]imports.Importer, func(), error)
	}{{s.monolith, monolith.Importers}, {s.catalog, catalog.Importers}} {
		if err := importAll(ctx, from.cfg, from.open, said); err != nil {
			return err
		}
	}
	return os.WriteFile(marker, nil, 0o644)
}

func importAll(ctx context.Context, cfg config.Service,
	open func(context.Context, config.Service) ([]imports.Importer, func(), error), said *narrator,
) error {
	importers, done, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer done()
	for _, importer := range importers {
		sample, err := importer.Sample()
		if err != nil {
			return err
		}
		said.step("importing " + importer.Name)
		if _, err := importer.RunWaiting(ctx, samplePatience, sample, func(int, int) {}); err != nil {
			return err
		}
	}
	return nil
}
