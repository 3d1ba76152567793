package httpapi

import (
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
		Help: "Calls of the legacy API that change the catalog and that have a valid body: requested from the owner, refused " +
			"because the API takes no more changes, or failed for another reason.",
	}, []string{"operation", "result"})}
}

// count counts a call that the business code has answered with err.
func (c *Calls) count(op catalogchange.Operation, err error) {
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
