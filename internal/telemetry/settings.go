package telemetry

import "log/slog"

// Settings are the log's part of a service's configuration. The tags are explained in internal/config.
type Settings struct {
	Level  slog.Level `env:"LOG_LEVEL" envDefault:"info" about:"debug, info, warn or error"`
	Format string     `env:"LOG_FORMAT" envDefault:"json" about:"json or text"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(s.Format == "json" || s.Format == "text", "LOG_FORMAT", "is %q, but must be json or text", s.Format)
}
