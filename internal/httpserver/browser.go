package httpserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// anyHost is the allowed host that switches the protection from web pages off.
const anyHost = "*"

// browserGuard protects a service from web pages that a person on the same machine or network looks at. A page can send
// requests to any address, and there may be no authentication. CrossOriginProtection refuses the page's changes. A page whose
// own host name leads to this address (DNS rebinding) is of the same origin. So the guard knows the names that are its own.
type browserGuard struct {
	hosts  []string // in lower case, besides addresses and localhost
	origin *http.CrossOriginProtection
}

// newBrowserGuard returns the guard of a server that listens on addr, or nil if it has none: if addr is not a loopback
// address and no host is configured, or if the configuration allows any host.
func newBrowserGuard(addr string, allowed []string) *browserGuard {
	if slices.Contains(allowed, anyHost) || len(allowed) == 0 && !isLoopback(addr) {
		return nil
	}
	g := &browserGuard{origin: http.NewCrossOriginProtection()}
	for _, host := range allowed {
		g.hosts = append(g.hosts, canonicalHost(host))
	}
	return g
}

// isLoopback reports whether a server that listens on addr can be reached only from its own machine.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return isLocalhost(canonicalHost(host)) || err == nil && ip.Unmap().IsLoopback()
}

// isLocalhost reports whether the name always means the machine itself (RFC 6761, section 6.3).
func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// canonicalHost returns a host without its port, in lower case, without the dot at the end that means the root of DNS.
func canonicalHost(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// allows reports whether a request may name the host. Names are needed for DNS rebinding, so addresses are always allowed.
// An old client may send no host.
func (g *browserGuard) allows(host string) bool {
	name := canonicalHost(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "" || isLocalhost(name) || slices.Contains(g.hosts, name)
}

// guard refuses the requests that foreign web pages make. Clients that are not browsers send neither Sec-Fetch-Site nor
// Origin, so only the host counts for them.
func (g *browserGuard) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := c.Request()
		switch {
		case g == nil:
		case !g.allows(req.Host):
			return NewProblem(http.StatusMisdirectedRequest, "unknown-host", fmt.Sprintf(
				"The service does not know the host %q. If it is the service's own, add it to HTTP_ALLOWED_HOSTS.", clip(req.Host)))
		case g.origin.Check(req) != nil:
			return NewProblem(http.StatusForbidden, "cross-origin",
				"A browser sent this change for a page of another origin. Only HTTP_ALLOWED_HOSTS=* allows that.")
		}
		return next(c)
	}
}

// isHostName reports whether text can be the name of a host (RFC 1123, section 2.1), with or without a port.
func isHostName(text string) bool {
	name := canonicalHost(text)
	return !strings.Contains(text, "/") && name != "" && len(name) <= 253 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") == "" && !strings.Contains(name, "..")
}
