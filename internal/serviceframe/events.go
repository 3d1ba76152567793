package serviceframe

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// UndescribedEvent is logged of each event that the AsyncAPI document does not describe, where events are checked.
const UndescribedEvent = "an event is not what the document says"

// Encoder returns encode as a store takes it. Where cfg has events checked, one that the service's AsyncAPI document does
// not describe cannot be appended, so that its change fails too.
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
