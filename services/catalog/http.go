package catalog

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	catalogapi "github.com/monsplit/monsplit/api/catalog"
	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/services/catalog/internal/httpapi"
)

func serverConfig(cfg config.Service, registry *prometheus.Registry, checks []httpserver.Check) httpserver.Config {
	return httpserver.Config{
		Service: name, Addr: cfg.HTTPAddr, Prefix: "/catalog",
		ReadHeaderTimeout: cfg.HTTPReadHeaderTimeout, ReadTimeout: cfg.HTTPReadTimeout,
		WriteTimeout: cfg.HTTPWriteTimeout, IdleTimeout: cfg.HTTPIdleTimeout,
		API:     []string{"/catalog/api/v1", "/catalog/api/v1/markets", "/catalog/api/v1/products"},
		OpenAPI: catalogapi.Document, AsyncAPI: asyncapi.Catalog,
		Checks: checks, Registry: registry,
	}
}

// mountAPI puts the API on the server, each operation behind the check of its requests.
func mountAPI(server *httpserver.Server, cfg config.Service, api *httpapi.API, log *slog.Logger) error {
	checks := oas.Config{MaxBody: cfg.HTTPMaxBodyBytes}
	if cfg.ValidateResponses {
		checks.OnResponse = func(ctx context.Context, err error) {
			log.ErrorContext(ctx, "an answer is not what the document says", "error", err)
		}
	}
	validator, err := oas.New(catalogapi.Document, checks)
	if err != nil {
		return err
	}
	api.Mount(server.Echo, validator.Middlewares())
	return validator.Verify(server.Echo, "/catalog/api/")
}

// relayProblems is what keeps events from being published.
func relayProblems(s outbox.State) error {
	list := slices.Clone(s.Halted)
	for _, part := range slices.Sorted(maps.Keys(s.Troubles)) {
		list = append(list, part+": "+s.Troubles[part])
	}
	return problems(list...)
}

// problems is an error of the sentences that say something, or nil.
func problems(sentences ...string) error {
	var errs []error
	for _, s := range sentences {
		if s != "" {
			errs = append(errs, errors.New(s))
		}
	}
	return errors.Join(errs...)
}
