package postgres

import (
	"cmp"
	"time"
)

// minConns is the smallest pool that the consumer and requests can share: the consumer takes half of it.
const minConns = 6

// Settings are the database's part of a service's configuration. The tags are explained in internal/config.
type Settings struct {
	URL            string        `env:"DATABASE_URL" about:"PostgreSQL database of this service, as postgres://USER:PASSWORD@HOST:PORT/NAME. Required. In the password, write %23 for #, %2F for /, %3F for ? and %40 for @. Add ?sslmode=verify-full&sslrootcert=FILE to encrypt connections and to check the server's certificate, where FILE has the certificate of its authority (PEM), or is the word system. sslcert and sslkey name a client certificate. Without sslmode, a connection may be without TLS, and no certificate is checked" secret:"url"`
	DirectURL      string        `env:"DATABASE_DIRECT_URL" about:"the same database without a pooler, if DATABASE_URL leads through one such as PgBouncer. The relay, the consumer, migrations and all commands use it; requests use DATABASE_URL. Then the server must give the sessions their settings; the service says which" secret:"url"`
	MaxConns       int32         `env:"DATABASE_MAX_CONNS" envDefault:"16" about:"maximum number of connections that requests and the consumer use. Reads by key, lists, changes, and the consumer with the other parts each have a share of their own: of 16, they have 3, 2, 4 and 7. The relay opens three more, and one while other instances run, /readyz two, and requests that wait share one. With DATABASE_DIRECT_URL, it counts for requests alone, and the consumer has a pool of its own"`
	ConnectionWait time.Duration `env:"DATABASE_CONNECTION_WAIT" envDefault:"1s" about:"how long a request waits for a connection of its share, and a change for other changes of the same entity; after that the answer is 503. At most half of HTTP_REQUEST_TIMEOUT"`
	LockTimeout    time.Duration `env:"DATABASE_LOCK_TIMEOUT" envDefault:"1s" about:"how long a request waits for a lock that another transaction holds; after that the answer is 503. At most half of HTTP_REQUEST_TIMEOUT. The consumer, the relay and the commands wait longer"`
	ListTimeout    time.Duration `env:"DATABASE_LIST_TIMEOUT" envDefault:"2s" about:"how long the database may take for one page of a list or search; after that the answer is 503. At most half of HTTP_REQUEST_TIMEOUT. Behind a pooler it bounds searches alone"`
	MigrateOnStart bool          `env:"MIGRATE_ON_START" envDefault:"true" about:"bring the schema up to date before serving; instances that start at the same time wait for each other"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(s.URL != "", "DATABASE_URL", isNoURL)
	checkURL(s.URL, "DATABASE_URL", must)
	checkURL(s.DirectURL, "DATABASE_DIRECT_URL", must)
	must(s.MaxConns >= minConns, "DATABASE_MAX_CONNS", "is %d: the consumer and requests need at least %d", s.MaxConns, minConns)
	must(s.ConnectionWait > 0, "DATABASE_CONNECTION_WAIT", "is %s, but must be longer than 0s", s.ConnectionWait)
	must(s.ListTimeout >= time.Millisecond, "DATABASE_LIST_TIMEOUT", "is %s, but must be 1ms or longer", s.ListTimeout)
	must(s.LockTimeout >= time.Millisecond, "DATABASE_LOCK_TIMEOUT", "is %s, but must be 1ms or longer", s.LockTimeout)
}

func (s Settings) connectionWait() time.Duration { return orDefault(s.ConnectionWait, time.Second) }

func (s Settings) listTimeout() time.Duration { return orDefault(s.ListTimeout, 2*time.Second) }

func (s Settings) lockTimeout() time.Duration { return orDefault(s.LockTimeout, time.Second) }

const isNoURL = "must be postgres://USER:PASSWORD@HOST:PORT/NAME"

func checkURL(text, variable string, must func(ok bool, variable, detail string, args ...any)) {
	if text == "" {
		return
	}
	_, _, fault := parseURL(text)
	must(fault == "", variable, "%s", fault)
	if fault == "" {
		fault = faultOfParameters(text)
		must(fault == "", variable, "cannot be used: %s", fault)
	}
}

// Direct returns how to reach the database with sessions of the server's own, under a name.
func (s Settings) Direct(application string) Config {
	return Config{URL: cmp.Or(s.DirectURL, s.URL), Application: application}
}

// Pooled returns how requests reach the database, under a name.
func (s Settings) Pooled(application string) Config {
	return Config{URL: s.URL, Application: application, Pooled: s.DirectURL != ""}
}
