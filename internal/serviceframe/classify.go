package serviceframe

import (
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// MetricsNamespace comes before the names of the metrics of all services.
const MetricsNamespace = "monsplit"

// Classify is the consumer.Config.Classify of every service, for running and for replaying. If business code calls an event
// Invalid or Malformed, it would do so again. So the event becomes a dead letter, with the error's name as its code. The
// other kinds of error depend on the stored data, or are bugs in the service. Then the batch is retried.
func Classify(err error) consumer.Verdict {
	e, ok := apperr.As(err)
	if !ok {
		return consumer.Verdict{}
	}
	switch e.Kind {
	case apperr.Invalid, apperr.Malformed:
		return consumer.Verdict{Decision: consumer.PoisonEvent, Code: e.Name()}
	default:
		return consumer.Verdict{Decision: consumer.RetryBatch}
	}
}
