package apiclient

import (
	"net/http"
	"time"
)

// DefaultTimeout bounds a request, from the connection to the last byte of the answer, unless an option says otherwise.
const DefaultTimeout = 30 * time.Second

// Option sets how a client reaches its service. The order of options does not matter; of two of the same kind the later
// holds.
type Option func(*settings)

type settings struct {
	client  *http.Client
	timeout *time.Duration
	header  http.Header
}

// WithHTTPClient uses the transport, cookies and redirects of another client, which is left as it is, and its time-out
// if it has one. nil is as if the option were left out.
func WithHTTPClient(other *http.Client) Option {
	return func(s *settings) { s.client = other }
}

// WithTimeout bounds each request, from the connection to the last byte of the answer. 0 is no bound but the context's.
func WithTimeout(limit time.Duration) Option {
	return func(s *settings) { s.timeout = &limit }
}

// WithHeader sends a header with every request that does not set it itself.
func WithHeader(name, value string) Option {
	return func(s *settings) { s.header.Set(name, value) }
}

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
