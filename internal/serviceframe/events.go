package serviceframe

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// UndescribedEvent is the log message for each event that does not match the AsyncAPI document, if events are checked.
const UndescribedEvent = "an event does not match the AsyncAPI document"

// Encoder returns encode in the form that a store needs. If cfg turns on the check of events, encoding fails for an event
// that does not match the service's AsyncAPI document. So the change fails too.
func Encoder[E any](spec Spec, cfg config.Common, log *slog.Logger, encode func(E) (event.Message, error),
) (func(E) (event.Message, error), error) {
	if !cfg.Checks.Events {
		return encode, nil
	}
	events, err := eventschema.NewEvents(spec.AsyncAPI)
	if err != nil {
		return nil, fmt.Errorf("%s: read the AsyncAPI document: %w", spec.Name, err)
	}
	held := eventschema.Hold(events, encode)
	return func(e E) (event.Message, error) {
		m, err := held(e)
		if errors.Is(err, eventschema.ErrUndescribed) {
			log.Error(UndescribedEvent, "error", err)
		}
		return m, err
	}, nil
}
