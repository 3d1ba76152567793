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

// startSpan starts the span of a batch. The span links to the traces in which the events were made, instead of extending
// each of them. Events that a handler appends belong to the batch's span. Without a tracer, a single event continues its
// own trace.
func (c *Consumer[T]) startSpan(ctx context.Context, jobs []*job, events []Event) (context.Context, func(error)) {
	if c.cfg.Tracer == nil {
		if len(events) == 1 {
			if origin := traceContext(ctx, events[0]); origin.IsValid() {
				ctx = trace.ContextWithRemoteSpanContext(ctx, origin)
			}
		}
		return ctx, func(error) {}
	}
	var links []trace.Link
	for _, e := range events[:min(len(events), maxLinks)] {
		if origin := traceContext(ctx, e); origin.IsValid() {
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

// topicsOf returns the names of the jobs' topics. The jobs are sorted by topic.
func topicsOf(jobs []*job) string {
	var topics []string
	for _, j := range jobs {
		topics = append(topics, j.tp.Topic)
	}
	return strings.Join(slices.Compact(topics), ", ")
}

// traceContext reads the W3C trace context from the event's Kafka headers.
func traceContext(ctx context.Context, e Event) trace.SpanContext {
	parent := e.Header(event.HeaderTraceparent)
	if parent == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{event.HeaderTraceparent: parent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(ctx, carrier))
}
