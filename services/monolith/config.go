package monolith

import (
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// Config is the monolith's configuration. A setting that only the monolith has is a field beside the common part.
type Config struct {
	config.Common
	Legacy Legacy
}

// Legacy says how old integrations change the catalog, which another service owns.
type Legacy struct {
	Writes string        `env:"LEGACY_CATALOG_WRITES" envDefault:"on" about:"whether the legacy API takes changes of the catalog: on or off. With off it refuses new requests, and those that it has sent go on"`
	Wait   time.Duration `env:"LEGACY_WRITE_WAIT" envDefault:"2s" about:"how long a change of the catalog waits for its outcome, if the client does not ask for another time; then the answer is 202. At most HTTP_MAX_WAIT"`
	Keep   time.Duration `env:"REQUEST_KEEP" envDefault:"720h" about:"how long a finished request to change the catalog is kept, with its Idempotency-Key; 720h or longer, because the API promises 30 days"`
}

// writesOff is the value of LEGACY_CATALOG_WRITES that refuses new requests.
const writesOff = "off"

// promisedKeep is how long the API promises to know a finished request, in api/monolith/openapi.yaml.
const promisedKeep = 30 * 24 * time.Hour

// Validate checks the values. must reports a fault of the variable unless ok.
func (c Config) Validate(must func(ok bool, variable, detail string, args ...any)) {
	l := c.Legacy
	must(l.Writes == "on" || l.Writes == writesOff, "LEGACY_CATALOG_WRITES", "is %q, but must be on or off", l.Writes)
	must(l.Wait >= 0 && l.Wait <= c.HTTP.MaxWait, "LEGACY_WRITE_WAIT", "is %s, but must be between 0s and HTTP_MAX_WAIT (%s)",
		l.Wait, c.HTTP.MaxWait)
	must(l.Keep >= promisedKeep, "REQUEST_KEEP", "is %s, but must be 720h or longer: the API promises 30 days", l.Keep)
}

// Defaults holds the defaults that differ from those of other services.
func Defaults() Config {
	return Config{Common: config.Common{HTTP: httpserver.Settings{Addr: ":8000"}}}
}

// LoadConfig reads the monolith's settings from the environment. The error lists every fault of the
// variables that are needed.
func LoadConfig(needs config.Needs) (Config, error) { return config.Load(Defaults(), needs) }
