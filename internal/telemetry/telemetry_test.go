package telemetry_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/telemetry"
)

func TestContinueTrace(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	tests := map[string]struct {
		traceparent string
		continued   bool
	}{
		"Incoming": {"00-" + id + "-00f067aa0ba902b7-01", true},
		"None":     {"", false},
		"Nonsense": {"00-zz-00f067aa0ba902b7-01", false},
		"AllZero":  {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("traceparent", tt.traceparent)
			span := trace.SpanContextFromContext(telemetry.ContinueTrace(t.Context(), header))
			if !span.IsValid() || span.SpanID().String() == "00f067aa0ba902b7" {
				t.Errorf("span %v is not one of its own", span)
			}
			if got := span.TraceID().String() == id; got != tt.continued {
				t.Errorf("continued %t, want %t", got, tt.continued)
			}
		})
	}
}

func TestLogLinesCarryTheTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, "json", slog.LevelInfo).With("a", 1)
	ctx := telemetry.ContinueTrace(t.Context(), http.Header{})
	log.InfoContext(ctx, "hello")
	log.DebugContext(ctx, "not shown")
	want := `"trace_id":"` + trace.SpanContextFromContext(ctx).TraceID().String() + `"`
	if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "not shown") {
		t.Errorf("logged %s, want %s", got, want)
	}
}
