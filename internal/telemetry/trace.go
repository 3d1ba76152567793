package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// ContinueTrace returns a context with the trace in the header's traceparent (W3C Trace Context), or with a new trace if
// there is none. In both cases the context has a new span.
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
