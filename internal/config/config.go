// Package config reads and checks a service's settings. No other package reads the environment.
//
// A service's configuration is a struct that embeds [Common]. It may add fields of its own, and parts: fields that are
// structs. The tags of a field make it a setting:
//
//	env         the variable, by its whole name
//	envDefault  the value that it has when the variable is not set
//	about       what it means, for the documentation and the help text
//	secret      hides the value: "url" only the password in a URL, "all" the whole value
//
// A part may have a method Validate, which checks its own values. Each component declares and checks its own part, so
// that the rules of a setting are next to the code that uses it. A service with a setting of its own looks like this:
//
//	type Config struct {
//		config.Common
//		Currency string `env:"ORDERS_CURRENCY" envDefault:"EUR" about:"currency of all prices"`
//	}
//
// Fields and parts must be exported. Load, Variables and the commands then know the setting, and docs/configuration.md
// has it after go test ./internal/config -update.
package config

import (
	"slices"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
)

// Common holds the settings that every service has.
type Common struct {
	Database    postgres.Settings
	Kafka       Kafka
	HTTP        httpserver.Settings
	Admission   admission.Settings
	Access      access.Settings
	Admin       account.Settings
	Checks      Checks
	Log         telemetry.Settings
	Shutdown    lifecycle.Settings
	Outbox      Outbox
	Consumer    Consumer
	Requests    Requests
	Idempotency idempotency.Settings
	History     history.Settings
}

// Config is the configuration of a service: a struct that embeds Common.
type Config interface{ CommonPart() Common }

// CommonPart returns the settings that every service has.
func (c Common) CommonPart() Common { return c }

// Checks turn on checks of the service's answers and events against its documents.
type Checks struct {
	Responses bool `env:"VALIDATE_RESPONSES" envDefault:"false" about:"check every answer against the OpenAPI document and log each difference; for tests and demos, because it costs time"`
	Events    bool `env:"VALIDATE_EVENTS" envDefault:"false" about:"refuse a change whose event does not match the AsyncAPI document, and log the reason; for tests and demos, because it costs time"`
}

// ConsumerTransactions is how many transactions the consumer may run at the same time.
func (c Common) ConsumerTransactions() int { return c.Database.Shares().Transactions }

// Validate checks the values of different parts against each other. must reports a fault of the variable unless ok.
func (c Common) Validate(must func(ok bool, variable, detail string, args ...any)) {
	wellBelow := func(variable string, value time.Duration) {
		must(value <= c.HTTP.RequestTimeout/2 || c.HTTP.RequestTimeout <= 0, variable,
			"is %s, but must be at most half of HTTP_REQUEST_TIMEOUT (%s), so that the answer tells the reason", value, c.HTTP.RequestTimeout)
	}
	wellBelow("DATABASE_CONNECTION_WAIT", c.Database.ConnectionWait)
	wellBelow("DATABASE_LIST_TIMEOUT", c.Database.ListTimeout)
	wellBelow("DATABASE_LOCK_TIMEOUT", c.Database.LockTimeout)
}

// Needs reports whether a command uses a variable. A fault of a variable that the command does not use must not stop
// the command.
type Needs func(variable string) bool

// Everything needs all variables, as the command serve does.
func Everything(string) bool { return true }

// DatabaseAlone needs the variables of the database. Commands that only work on the database use it.
func DatabaseAlone(variable string) bool {
	return slices.ContainsFunc([]string{"DATABASE_", "MIGRATE_", "LOG_"},
		func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
}

// Messaging needs the variables of the database and of Kafka. Commands that look at the logs use it.
func Messaging(variable string) bool {
	return DatabaseAlone(variable) || strings.HasPrefix(variable, "KAFKA_")
}

// AddressAlone needs the addresses of the service. Commands that only talk to the running service use it.
func AddressAlone(variable string) bool {
	return variable == "HTTP_ADDR" || variable == "HTTP_OPERATIONS_ADDR"
}

// Load reads a configuration from the environment. A variable that is not set has the default of its tag, or else its value
// in defaults. The error lists every fault of the variables that are needed, one a line.
func Load[C Config](defaults C, needs Needs) (C, error) {
	return load(defaults, nil, needs)
}

// LoadFrom is Load for everything, from the given variables. It is for programs that run a service inside themselves.
func LoadFrom[C Config](defaults C, variables map[string]string) (C, error) {
	return load(defaults, variables, Everything)
}
