package consumer

import (
	"context"
	"log/slog"
	"sync"
)

const (
	mostUnknownTypes   = 20  // distinct values of the label "type", per topic
	longestUnknownType = 100 // bytes of such a value
	otherUnknownTypes  = "other"
)

// unknownTypes has the types that a topic's handler did not know. Anyone who writes to a topic chooses the types, and each
// is a time series of its own. So there are a few of them, and the rest is counted together.
type unknownTypes struct {
	mu    sync.Mutex
	types map[string]map[string]bool // by topic
}

// label returns the value of the label "type", and reports whether the type is new.
func (u *unknownTypes) label(topic, typ string) (label string, isNew bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	known := u.types[topic]
	switch {
	case known[typ]:
		return typ, false
	case len(known) >= mostUnknownTypes, len(typ) > longestUnknownType:
		return otherUnknownTypes, false
	case known == nil:
		known = map[string]bool{}
		if u.types == nil {
			u.types = map[string]map[string]bool{}
		}
		u.types[topic] = known
	}
	known[typ] = true
	return typ, true
}

// countUnknownType counts an event whose type the handler does not know, and logs the first of each type.
func (c *Consumer[T]) countUnknownType(ctx context.Context, e Event) {
	label, isNew := c.metrics.unknown.label(e.Topic, e.Type)
	c.metrics.unknownTypes.WithLabelValues(e.Topic, label).Inc()
	if isNew {
		c.log.LogAttrs(ctx, slog.LevelWarn, "this service does not know a type of event, and ignores such events",
			slog.String("topic", e.Topic), slog.String("type", escapeUnprintable(e.Type, "")), slog.Int("partition", e.Partition),
			slog.Int64("offset", e.Offset))
	}
}
