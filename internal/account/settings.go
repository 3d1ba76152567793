package account

import "time"

// Settings are the part of a service's configuration that is about its admin pages. The tags are explained in
// internal/config.
type Settings struct {
	Password string        `env:"ADMIN_PASSWORD" secret:"all" about:"password of the user admin, which is created if the admin pages have no user yet. Without it, a random password is written to the log, once. Later changes of the variable have no effect"`
	Demo     bool          `env:"ADMIN_DEMO" envDefault:"false" about:"create the first user of the admin pages as admin with the password pass. Only for demos on your own machine. ADMIN_PASSWORD has precedence"`
	Lifetime time.Duration `env:"ADMIN_SESSION_LIFETIME" envDefault:"12h" about:"how long a user of the admin pages stays signed in at most"`
	Idle     time.Duration `env:"ADMIN_SESSION_IDLE" envDefault:"1h" about:"how long a user of the admin pages stays signed in without a request"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	if s.Password != "" {
		err := CheckPassword(s.Password)
		must(err == nil, "ADMIN_PASSWORD", "is refused: %v", err)
	}
	must(s.Lifetime > 0, "ADMIN_SESSION_LIFETIME", "is %s, but must be longer than 0s", s.Lifetime)
	must(s.Idle > 0 && s.Idle <= s.Lifetime, "ADMIN_SESSION_IDLE", "is %s, but must be longer than 0s and at most ADMIN_SESSION_LIFETIME (%s)", s.Idle, s.Lifetime)
}
