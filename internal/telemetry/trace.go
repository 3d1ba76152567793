package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// ContinueTrace returns a context with the trace that the header's traceparent names (W3C Trace Context), or with a new
// one, and a span of its own in it.
func ContinueTrace(ctx context.Context, header http.Header) context.Context {
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	parent := trace.SpanContextFromContext(ctx)
	span := trace.SpanContextConfig{TraceID: parent.TraceID(), TraceFlags: parent.TraceFlags(), TraceState: parent.TraceState()}
	if !parent.IsValid() {
		_, _ = rand.Read(span.TraceID[:]) // crypto/rand does not fail
		span.TraceFlags = trace.FlagsSampled
	}
	_, _ = rand.Read(span.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(span))
}
