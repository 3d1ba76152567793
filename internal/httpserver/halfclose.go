package httpserver

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A client may close its side of the connection after its request, and still read the answer. net/http sees the same as when
// the client goes away: the end of what it reads. It then cancels the request at once. patient delays this end while a request
// is in progress. The request of a client that has really gone away then ends by its own limits, or at once if the client
// resets the connection.

// grace returns how long the end is delayed: longer than any request may take, waits included. Without a limit for requests
// it is not delayed, because nothing else would end the request of a client that has gone away.
func (s *Server) grace() time.Duration {
	if s.cfg.RequestTimeout <= 0 {
		return 0
	}
	return max(s.cfg.RequestTimeout, s.cfg.WriteTimeout, s.cfg.ListTimeout)
}

// patient is a listener whose connections delay the end of what they read.
type patient struct {
	net.Listener
	grace time.Duration
	held  func() // for tests: called when an end is delayed; may be nil
}

// Accept implements net.Listener.
func (l patient) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || l.grace <= 0 {
		return conn, err
	}
	return &patientConn{Conn: conn, grace: l.grace, held: l.held, interrupt: make(chan struct{})}, nil
}

type patientConn struct {
	net.Conn
	grace time.Duration
	held  func()

	mu          sync.Mutex
	interrupted bool
	interrupt   chan struct{} // closed when a delayed read must return; then replaced
}

// Read implements net.Conn. While a handler runs, net/http reads a single byte in the background, to notice that the client
// goes away. All its other reads are larger.
func (c *patientConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 || len(p) != 1 || !errors.Is(err, io.EOF) {
		return n, err
	}
	c.mu.Lock()
	interrupted, interrupt := c.interrupted, c.interrupt
	c.mu.Unlock()
	if interrupted {
		return 0, os.ErrDeadlineExceeded
	}
	if c.held != nil {
		c.held()
	}
	timer := time.NewTimer(c.grace)
	defer timer.Stop()
	select {
	case <-interrupt:
		return 0, os.ErrDeadlineExceeded
	case <-timer.C:
		return 0, err
	}
}

// SetReadDeadline implements net.Conn. net/http ends its read in the background by a deadline in the past.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	c.interruptIf(!t.IsZero() && !t.After(time.Now()))
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *patientConn) Close() error {
	c.interruptIf(true)
	return c.Conn.Close()
}

// CloseWrite lets net/http close a connection whose request it has not read completely, so that the client gets the answer.
func (c *patientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

func (c *patientConn) interruptIf(interrupted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case interrupted && !c.interrupted:
		close(c.interrupt)
	case !interrupted && c.interrupted:
		c.interrupt = make(chan struct{})
	}
	c.interrupted = interrupted
}
