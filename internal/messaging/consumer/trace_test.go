package consumer_test

import (
	"context"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func traced(r broker.Record, parent string) broker.Record {
	r.Headers = append(r.Headers, broker.Header{Key: event.HeaderTraceparent, Value: []byte(parent)})
	return r
}

func TestAnEventsTraceGoesOn(t *testing.T) {
	t.Parallel()
	var seen trace.SpanContext
	b := setup(t, wrap(func(ctx context.Context, _ int64, _ *tx) error {
		seen = trace.SpanContextFromContext(ctx)
		return nil
	}))
	b.seed(0)
	b.handle(0, traced(named("a", 1), traceparent))
	if seen.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the handler's trace is %s", seen.TraceID())
	}
	b.handle(1, traced(named("a", 2), traceparent), named("a", 3))
	if seen.IsValid() {
		t.Errorf("a batch took the trace of one of its events: %s", seen.TraceID())
	}
	b.handle(3, traced(named("a", 4), "nonsense"))
	b.wantPosition(4)
}

func TestABatchLinksToItsEventsTraces(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	b := setup(t, func(c *consumer.Config[*tx]) { c.Tracer = provider.Tracer("test") })
	b.seed(0)
	b.handle(0, traced(named("a", 1), traceparent), named("a", 2))
	spans := recorder.Ended()
	if len(spans) != 1 || len(spans[0].Links()) != 1 || spans[0].SpanKind() != trace.SpanKindConsumer ||
		spans[0].Links()[0].SpanContext.SpanID().String() != "b7ad6b7169203331" || spans[0].Parent().IsValid() {
		t.Errorf("spans %+v", spans)
	}
	if err := b.Handle(t.Context(), tp, 2, broker.At(3), log(2, failing("a", 3, "unknown"))); err == nil {
		t.Fatal("no error")
	}
	if spans := recorder.Ended(); len(spans) != 2 || spans[1].Status().Description != "not applied" {
		t.Errorf("spans %+v", spans)
	}
}
