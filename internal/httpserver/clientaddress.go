package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/labstack/echo/v4"
)

// clientAddress returns the address of a request's client: the peer of the connection, because any client can send
// X-Forwarded-For. If the peer is a trusted proxy, the client is the last address in X-Forwarded-For that is not a trusted
// proxy itself. It reads the list from its end and only as far as it must, because a client may send thousands of addresses.
func clientAddress(trusted []netip.Prefix) echo.IPExtractor {
	return func(req *http.Request) string {
		peer := req.RemoteAddr
		if host, _, err := net.SplitHostPort(peer); err == nil {
			peer = host
		}
		address, err := netip.ParseAddr(peer)
		if err != nil || !within(trusted, address) {
			return peer
		}
		client, lines := peer, req.Header[echo.HeaderXForwardedFor]
		for line := len(lines) - 1; line >= 0; line-- {
			for rest, more := lines[line], true; more; {
				comma := strings.LastIndexByte(rest, ',')
				text := strings.Trim(strings.TrimSpace(rest[comma+1:]), "[]")
				rest, more = rest[:max(comma, 0)], comma >= 0
				if address, err = netip.ParseAddr(text); err != nil {
					return peer // what comes before it cannot be trusted
				}
				if client = address.Unmap().WithZone("").String(); !within(trusted, address) {
					return client
				}
			}
		}
		return client // only trusted proxies: the one that is farthest away
	}
}

// within reports whether one of the networks contains the address.
func within(networks []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, network := range networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
