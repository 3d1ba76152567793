package apiclient

import (
	"net/http"
	"time"
)

// DefaultTimeout limits a request, from the connection to the last byte of the answer, unless an option sets another limit.
const DefaultTimeout = 30 * time.Second

// Option sets how a client reaches its service. The order of different options does not matter. Of two options of the same
// kind, the later one is used.
type Option func(*settings)

type settings struct {
	client  *http.Client
	timeout *time.Duration
	header  http.Header
}

// WithHTTPClient uses the transport, cookies and redirects of another client, and its time-out if it has one. It does not
// change that client. nil has no effect.
func WithHTTPClient(other *http.Client) Option {
	return func(s *settings) { s.client = other }
}

// WithTimeout limits each request, from the connection to the last byte of the answer. With 0 only the context limits it.
func WithTimeout(limit time.Duration) Option {
	return func(s *settings) { s.timeout = &limit }
}

// WithHeader adds a header to every request that does not set it itself.
func WithHeader(name, value string) Option {
	return func(s *settings) { s.header.Set(name, value) }
}

// WithToken sends an API token of the service with every request. Whoever reads the network can use the token: send it only over
// HTTPS, or on one machine.
func WithToken(token string) Option { return WithHeader("Authorization", "Bearer "+token) }

func (s settings) httpClient() *http.Client {
	client := new(http.Client)
	if s.client != nil {
		*client = *s.client
	}
	switch {
	case s.timeout != nil:
		client.Timeout = *s.timeout
	case client.Timeout == 0:
		client.Timeout = DefaultTimeout
	}
	return client
}
