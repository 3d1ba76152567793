package access

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// Guard lets requests in, or refuses them.
type Guard struct {
	realm    string
	api      string   // below this path are the operations, without a slash at the end
	prefixes []string // the same form
	networks []netip.Prefix
	tokens   *Tokens
	refused  *prometheus.CounterVec
}

// The reasons of refusals, for the metric.
const (
	reasonMissing = "missing"
	reasonInvalid = "invalid"
	reasonScope   = "scope"
	reasonLimit   = "limit"
	reasonUnsure  = "unsure"
)

// API describes what a Guard guards.
type API struct {
	Realm            string // the name of the service
	Prefix           string // below this path, every route is an operation
	MetricsNamespace string
}

// NewGuard returns a guard of those parts of the API that the settings name.
func NewGuard(s Settings, api API, tokens *Tokens) *Guard {
	g := &Guard{
		realm: api.Realm, api: strings.TrimRight(api.Prefix, "/"), networks: s.Networks, tokens: tokens,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: api.MetricsNamespace, Subsystem: "access", Name: "refusals_total",
			Help: "Requests that were refused because of their token: missing, invalid, without the scope, over the limit, or when the tokens could not be read.",
		}, []string{"reason"}),
	}
	for _, prefix := range s.Prefixes {
		g.prefixes = append(g.prefixes, strings.TrimRight(prefix, "/"))
	}
	for _, reason := range []string{reasonMissing, reasonInvalid, reasonScope, reasonLimit, reasonUnsure} {
		g.refused.WithLabelValues(reason)
	}
	return g
}

// Collectors returns the guard's metrics.
func (g *Guard) Collectors() []prometheus.Collector { return []prometheus.Collector{g.refused} }

// CheckPaths returns an error unless every prefix guards at least one of these paths. Otherwise a typo would leave the
// API open.
func (g *Guard) CheckPaths(paths []string) error {
	for _, prefix := range g.prefixes {
		if !slices.ContainsFunc(paths, func(path string) bool { return below(path, prefix) }) {
			return fmt.Errorf("ACCESS_PREFIXES has %q, but no operation of the API is below it", prefix)
		}
	}
	return nil
}

// Guards reports whether a request to a path needs a token.
func (g *Guard) Guards(path string) bool {
	return below(path, g.api) && slices.ContainsFunc(g.prefixes, func(prefix string) bool { return below(path, prefix) })
}

func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// Identify implements httpserver.Access.
func (g *Guard) Identify(req *http.Request, client string, answer http.Header) (caller.Caller, error) {
	credentials := req.Header.Values("Authorization")
	switch {
	case len(credentials) == 0:
		if network, ok := g.network(client); ok {
			return caller.Caller{Kind: caller.KindAddress, Name: network.String()}, nil
		}
		return caller.Caller{}, g.missing(answer, "This request needs an API token, as Authorization: Bearer TOKEN.")
	case len(credentials) > 1:
		return caller.Caller{}, g.malformed(answer, "The request has several Authorization headers.")
	}
	secret, err := bearer(credentials[0])
	switch {
	case errors.Is(err, errOtherScheme):
		return caller.Caller{}, g.missing(answer, "The only scheme is Bearer. This request needs an API token, as Authorization: Bearer TOKEN.")
	case err != nil:
		return caller.Caller{}, g.malformed(answer, "The Authorization header has no token, or more than a token, after Bearer.")
	}
	token, err := g.tokens.find(req.Context(), secret)
	switch {
	case errors.Is(err, errUnknown):
		return caller.Caller{}, g.invalid(answer)
	case err != nil:
		g.refused.WithLabelValues(reasonUnsure).Inc()
		return caller.Caller{}, apperr.New(apperr.Unavailable, "The token cannot be checked now.").Because(err)
	}
	who := caller.Caller{Kind: caller.KindToken, Name: token.name}
	if err := g.limited(token, answer); err != nil {
		return who, err
	}
	if scope := scopeOf(req.Method); !token.has(scope) {
		return who, g.lacks(scope, answer)
	}
	return who, nil
}

// network returns the allowed network that a client is in.
func (g *Guard) network(client string) (netip.Prefix, bool) {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return netip.Prefix{}, false
	}
	address = address.Unmap().WithZone("")
	i := slices.IndexFunc(g.networks, func(network netip.Prefix) bool { return network.Contains(address) })
	if i < 0 {
		return netip.Prefix{}, false
	}
	return g.networks[i], true
}

// limited returns an error if the token has sent too many requests.
func (g *Guard) limited(token *valid, answer http.Header) error {
	now := time.Now()
	r := token.limit.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	answer.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return g.refuse(reasonLimit, http.StatusTooManyRequests, "too-many-requests",
		"The token has sent too many requests. This request has changed nothing.")
}

// challenge sets WWW-Authenticate (RFC 6750, section 3). The parameters follow the realm.
func (g *Guard) challenge(answer http.Header, parameters string) {
	answer.Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q%s", g.realm, parameters))
}

// missing refuses a request without a token. RFC 6750 wants no error code here: the client may not know that it needs one.
func (g *Guard) missing(answer http.Header, detail string) error {
	g.challenge(answer, "")
	return g.refuse(reasonMissing, http.StatusUnauthorized, "token-missing", detail)
}

func (g *Guard) malformed(answer http.Header, detail string) error {
	g.challenge(answer, `, error="invalid_request"`)
	return g.refuse(reasonInvalid, http.StatusBadRequest, string(apperr.Malformed), detail)
}

func (g *Guard) invalid(answer http.Header) error {
	g.challenge(answer, `, error="invalid_token"`)
	return g.refuse(reasonInvalid, http.StatusUnauthorized, "token-invalid", "The token is unknown, has expired, or was revoked.")
}

func (g *Guard) lacks(scope Scope, answer http.Header) error {
	g.challenge(answer, fmt.Sprintf(`, error="insufficient_scope", scope=%q`, scope))
	return g.refuse(reasonScope, http.StatusForbidden, "scope-missing", fmt.Sprintf("The token does not have the scope %s.", scope))
}

func (g *Guard) refuse(reason string, status int, name, detail string) error {
	g.refused.WithLabelValues(reason).Inc()
	return httpserver.NewProblem(status, name, detail)
}
