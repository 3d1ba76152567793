package postgres

// minConns is the smallest pool that the consumer and requests can share: the consumer takes half of it.
const minConns = 6

// Settings are the database's part of a service's configuration. The tags are explained in internal/config.
type Settings struct {
	URL            string `env:"DATABASE_URL" about:"PostgreSQL database of this service, as postgres://USER:PASSWORD@HOST:PORT/NAME. Required. In the password, write %23 for #, %2F for /, %3F for ? and %40 for @. Add ?sslmode=verify-full&sslrootcert=FILE to encrypt connections and to check the server's certificate, where FILE has the certificate of its authority (PEM), or is the word system. sslcert and sslkey name a client certificate. Without sslmode, a connection may be without TLS, and no certificate is checked" secret:"url"`
	MaxConns       int32  `env:"DATABASE_MAX_CONNS" envDefault:"16" about:"maximum number of connections in the pool that requests and the consumer share. The consumer takes at most half of them. The relay opens three more of its own, /readyz two, and requests that wait share one"`
	MigrateOnStart bool   `env:"MIGRATE_ON_START" envDefault:"true" about:"bring the schema up to date before serving; instances that start at the same time wait for each other"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	_, _, fault := parseURL(s.URL)
	must(fault == "", "DATABASE_URL", "%s", fault)
	if fault == "" {
		fault = faultOfParameters(s.URL)
		must(fault == "", "DATABASE_URL", "cannot be used: %s", fault)
	}
	must(s.MaxConns >= minConns, "DATABASE_MAX_CONNS", "is %d: the consumer and requests need at least %d", s.MaxConns, minConns)
}
