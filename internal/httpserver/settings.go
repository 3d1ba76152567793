package httpserver

import (
	"cmp"
	"net"
	"strconv"
	"time"
)

// Settings are the server's part of a service's configuration. The tags are explained in internal/config.
type Settings struct {
	Addr              string        `env:"HTTP_ADDR" about:"address to listen on, as HOST:PORT; each service has its own default"`
	OperationsAddr    string        `env:"HTTP_OPERATIONS_ADDR" about:"address for /livez, /readyz, /metrics and profiles (/debug/pprof), as HOST:PORT, so that they are not beside the API. It has no access control: only monitoring should reach it. Without it, HTTP_ADDR has health and metrics, and nobody gets profiles"`
	ReadHeaderTimeout time.Duration `env:"HTTP_READ_HEADER_TIMEOUT" envDefault:"5s" about:"how long a client may take to send its header"`
	ReadTimeout       time.Duration `env:"HTTP_READ_TIMEOUT" envDefault:"15s" about:"how long a client may take to send its whole request"`
	RequestTimeout    time.Duration `env:"HTTP_REQUEST_TIMEOUT" envDefault:"10s" about:"how long the service may take to answer, or to find the next part of a streamed list; after that the answer is 503. It must be less than HTTP_WRITE_TIMEOUT"`
	MaxWait           time.Duration `env:"HTTP_MAX_WAIT" envDefault:"10s" about:"longest time that a request may wait for a change, as in \"Prefer: wait=5\". Together with HTTP_REQUEST_TIMEOUT it must be less than HTTP_WRITE_TIMEOUT"`
	WriteTimeout      time.Duration `env:"HTTP_WRITE_TIMEOUT" envDefault:"30s" about:"how long a client may take to receive the answer; for a streamed list, each part of it"`
	ListTimeout       time.Duration `env:"HTTP_LIST_TIMEOUT" envDefault:"5m" about:"how long a streamed list may take in all; after that the connection is cut off, and the client must read it in pages"`
	IdleTimeout       time.Duration `env:"HTTP_IDLE_TIMEOUT" envDefault:"2m" about:"how long a connection is kept open between two requests"`
	MaxBodyBytes      int64         `env:"HTTP_MAX_BODY_BYTES" envDefault:"65536" about:"largest request body; a larger one is answered with 413"`
	MaxConnections    int           `env:"HTTP_MAX_CONNECTIONS" envDefault:"4096" about:"number of open connections in all; further ones are closed at once. The process needs a file descriptor for each"`
	MaxPerPeer        int           `env:"HTTP_MAX_CONNECTIONS_PER_PEER" envDefault:"1024" about:"number of open connections of one client address (of IPv6: one /64 network); further ones are closed at once. HTTP_TRUSTED_PROXIES are exempt, because they connect for many clients"`
	AllowedHosts      []string      `env:"HTTP_ALLOWED_HOSTS" about:"host names by which clients may address the service, separated by commas, besides localhost and IP addresses; others, also names under which monitoring calls, get 421, and changes that a browser sends for a page of another origin get 403. Without names this holds if HTTP_ADDR is a loopback address; with * it never does"`
	TrustedProxies    Networks      `env:"HTTP_TRUSTED_PROXIES" about:"addresses or networks (CIDR) of proxies whose X-Forwarded-For header is trusted, separated by commas; none by default. The access log takes the client's address from that header, and so does IDEMPOTENCY_MAX_KEYS_PER_CALLER"`
}

// StreamLimits returns the limits of a streamed list.
func (s Settings) StreamLimits() StreamLimits {
	return StreamLimits{Part: s.WriteTimeout, Total: s.ListTimeout}
}

// HealthAddr returns the address at which /readyz is.
func (s Settings) HealthAddr() string { return cmp.Or(s.OperationsAddr, s.Addr) }

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	address := func(variable, text string) {
		_, port, err := net.SplitHostPort(text)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		must(err == nil, variable, "is %q, but must be HOST:PORT, with a port from 0 to 65535", text)
	}
	address("HTTP_ADDR", s.Addr)
	if s.OperationsAddr != "" {
		address("HTTP_OPERATIONS_ADDR", s.OperationsAddr)
	}
	positive := func(variable string, value time.Duration) {
		must(value > 0, variable, "is %s, but must be longer than 0s", value)
	}
	positive("HTTP_READ_HEADER_TIMEOUT", s.ReadHeaderTimeout)
	positive("HTTP_READ_TIMEOUT", s.ReadTimeout)
	positive("HTTP_REQUEST_TIMEOUT", s.RequestTimeout)
	positive("HTTP_WRITE_TIMEOUT", s.WriteTimeout)
	positive("HTTP_IDLE_TIMEOUT", s.IdleTimeout)
	must(s.ListTimeout >= s.WriteTimeout, "HTTP_LIST_TIMEOUT", "is %s, but must be at least HTTP_WRITE_TIMEOUT (%s): that is the time for one part", s.ListTimeout, s.WriteTimeout)
	must(s.RequestTimeout < s.WriteTimeout, "HTTP_REQUEST_TIMEOUT",
		"is %s, but must be less than HTTP_WRITE_TIMEOUT (%s): the 503 must reach the client", s.RequestTimeout, s.WriteTimeout)
	must(s.MaxWait >= 0 && (s.RequestTimeout >= s.WriteTimeout || s.MaxWait+s.RequestTimeout < s.WriteTimeout), "HTTP_MAX_WAIT",
		"is %s, but together with HTTP_REQUEST_TIMEOUT (%s) it must be less than HTTP_WRITE_TIMEOUT (%s): the answer after the wait must reach the client",
		s.MaxWait, s.RequestTimeout, s.WriteTimeout)
	must(s.MaxConnections > 0, "HTTP_MAX_CONNECTIONS", "is %d, but must be 1 or more", s.MaxConnections)
	must(s.MaxPerPeer > 0 && s.MaxPerPeer <= max(s.MaxConnections, 1), "HTTP_MAX_CONNECTIONS_PER_PEER",
		"is %d, but must be 1 or more, and at most HTTP_MAX_CONNECTIONS (%d)", s.MaxPerPeer, s.MaxConnections)
	for _, host := range s.AllowedHosts {
		must(host == anyHost || isHostName(host), "HTTP_ALLOWED_HOSTS", "has %q, but must be names of hosts, such as shop.example, or *", clip(host))
	}
	must(s.MaxBodyBytes >= 1024, "HTTP_MAX_BODY_BYTES", "is %d, but must be 1024 or more", s.MaxBodyBytes)
}
