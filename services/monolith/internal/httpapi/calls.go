package httpapi

import (
	"context"
	"maps"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

// Calls counts the calls that change the catalog through the legacy API. It tells whether there still are old integrations
// that do so. It implements prometheus.Collector.
type Calls struct{ *prometheus.CounterVec }

// NewCalls returns a counter whose name begins with the namespace.
func NewCalls(namespace string) *Calls {
	return &Calls{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: prometheus.BuildFQName(namespace, "legacy", "catalog_writes_total"),
		Help: "Calls of the legacy API that change the catalog: requested from the owner, refused because the API takes no more " +
			"changes, invalid by the document of the API, or failed for another reason.",
	}, []string{"operation", "result"})}
}

// operations has the operations that Calls counts, by operationId.
var operations = map[string]catalogchange.Operation{ //nolint:gochecknoglobals // a table
	"createCatalog": catalogchange.Create, "replaceCatalog": catalogchange.Replace,
	"patchCatalog": catalogchange.Patch, "deleteCatalog": catalogchange.Delete,
}

// reachedKey is the key of a *bool in the context of a counted call: whether the call has reached the business code.
type reachedKey struct{}

// countInvalid returns the middlewares with one before those of each counted operation. It counts the calls that the
// middlewares behind it refuse.
func (c *Calls) countInvalid(middlewares map[string][]echo.MiddlewareFunc) map[string][]echo.MiddlewareFunc {
	all := maps.Clone(middlewares)
	for id, op := range operations {
		all[id] = append([]echo.MiddlewareFunc{func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(e echo.Context) error {
				reached := false
				r := e.Request()
				e.SetRequest(r.WithContext(context.WithValue(r.Context(), reachedKey{}, &reached)))
				err := next(e)
				if !reached && (err != nil || e.Response().Status >= http.StatusBadRequest) {
					c.WithLabelValues(string(op), "invalid").Inc()
				}
				return err
			}
		}}, middlewares[id]...)
	}
	return all
}

// count counts a call that the business code has answered with err.
func (c *Calls) count(ctx context.Context, op catalogchange.Operation, err error) {
	if reached, ok := ctx.Value(reachedKey{}).(*bool); ok {
		*reached = true
	}
	result := "requested"
	switch {
	case isNotTheOwner(err):
		result = "refused"
	case err != nil:
		result = "failed"
	}
	c.WithLabelValues(string(op), result).Inc()
}

func isNotTheOwner(err error) bool {
	e, ok := apperr.As(err)
	return ok && e.Name() == catalogchange.CodeNotTheOwner
}
