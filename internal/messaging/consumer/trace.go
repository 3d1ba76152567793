package consumer

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// maxLinks bounds the links of one span: a batch holds up to a thousand events.
const maxLinks = 64

// span opens the span of a batch. It links to the traces in which its events were made rather than stretching each of
// them; what the handler appends belongs to the batch's span. Without a tracer, an event that comes alone passes its
// own trace on.
func (c *Consumer[T]) span(ctx context.Context, jobs []*job, events []Event) (context.Context, func(error)) {
	if c.cfg.Tracer == nil {
		if len(events) == 1 {
			if origin := traceOf(ctx, events[0]); origin.IsValid() {
				ctx = trace.ContextWithRemoteSpanContext(ctx, origin)
			}
		}
		return ctx, func(error) {}
	}
	var links []trace.Link
	for _, e := range events[:min(len(events), maxLinks)] {
		if origin := traceOf(ctx, e); origin.IsValid() {
			links = append(links, trace.Link{SpanContext: origin})
		}
	}
	topic := topicsOf(jobs)
	ctx, span := c.cfg.Tracer.Start(ctx, "apply "+topic, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(links...), trace.WithAttributes(attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.destination.name", topic), attribute.Int("messaging.batch.message_count", len(events))))
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "not applied")
		}
		span.End()
	}
}

// topicsOf names the topics of jobs, which are in their order.
func topicsOf(jobs []*job) string {
	var topics []string
	for _, j := range jobs {
		topics = append(topics, j.tp.Topic)
	}
	return strings.Join(slices.Compact(topics), ", ")
}

// traceOf reads the W3C trace context that an event carries in its Kafka headers.
func traceOf(ctx context.Context, e Event) trace.SpanContext {
	parent := e.Header(event.HeaderTraceparent)
	if parent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{event.HeaderTraceparent: parent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, carrier))
}
