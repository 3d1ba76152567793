package access

import (
	"strings"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// Settings are the part of a service's configuration that is about access to its API. The tags are explained in
// internal/config.
type Settings struct {
	Prefixes []string            `env:"ACCESS_PREFIXES" about:"paths of the API below which every request needs a token, separated by commas, such as /api/v1; / is the whole API. Without it, nobody needs a token. The command token creates tokens. An instance then opens one more connection to the database"`
	Networks httpserver.Networks `env:"ACCESS_NETWORKS" about:"addresses or networks (CIDR) of clients that need no token, separated by commas, for old clients that cannot send one. They may read and write. Behind a gateway, set HTTP_TRUSTED_PROXIES: otherwise every client has the address of the gateway"`
	Rate     int                 `env:"ACCESS_TOKEN_RATE" envDefault:"100" about:"requests per second that one instance takes with one token; more are answered with 429. 0 is without limit"`
	Burst    int                 `env:"ACCESS_TOKEN_BURST" envDefault:"200" about:"how many requests a token may send at once after a pause"`
}

// On reports whether any part of the API needs a token.
func (s Settings) On() bool { return len(s.Prefixes) > 0 }

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	for _, prefix := range s.Prefixes {
		must(strings.HasPrefix(prefix, "/") && !strings.ContainsAny(prefix, "%?# {}*"), "ACCESS_PREFIXES", "has %q, but a path begins with /, and is plain text", prefix)
	}
	for _, network := range s.Networks {
		must(network.Bits() > 0, "ACCESS_NETWORKS", "has %s, which contains every address: to need no tokens, leave ACCESS_PREFIXES empty", network)
	}
	must(s.Rate >= 0, "ACCESS_TOKEN_RATE", "is %d, but must be 0 or more", s.Rate)
	must(s.Rate == 0 || s.Burst >= 1, "ACCESS_TOKEN_BURST", "is %d, but must be 1 or more", s.Burst)
}
