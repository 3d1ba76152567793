package lifecycle

import "time"

// Settings say how long a stop takes. They are a part of a service's configuration; the tags are explained in
// internal/config.
type Settings struct {
	Grace time.Duration `env:"SHUTDOWN_GRACE" envDefault:"20s" about:"how long a stop may take; after that the process ends anyway. Requests in progress get half of what SHUTDOWN_DELAY leaves of this time; then they are cut off"`
	Delay time.Duration `env:"SHUTDOWN_DELAY" envDefault:"2s" about:"how long the service still accepts requests after a stop has begun and /readyz fails, so that a load balancer can switch to other instances; shorter than SHUTDOWN_GRACE"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(s.Grace > 0, "SHUTDOWN_GRACE", "is %s, but must be longer than 0s", s.Grace)
	must(s.Delay >= 0 && (s.Grace <= 0 || s.Delay < s.Grace), "SHUTDOWN_DELAY",
		"is %s, but must be shorter than SHUTDOWN_GRACE (%s)", s.Delay, s.Grace)
}
