package embeddedbroker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kfake"
)

// logger passes the broker's warnings and errors to slog. Its other messages are below the debug level, because they do not
// help an operator.
type logger struct{ log *slog.Logger }

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	slogLevel := slog.LevelDebug - 4
	switch level {
	case kfake.LogLevelError:
		slogLevel = slog.LevelError
	case kfake.LogLevelWarn:
		slogLevel = slog.LevelWarn
	}
	if ctx := context.Background(); l.log.Enabled(ctx, slogLevel) {
		l.log.Log(ctx, slogLevel, "embedded broker: "+fmt.Sprintf(format, args...))
	}
}
