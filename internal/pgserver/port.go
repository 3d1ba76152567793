package pgserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

var errPortTaken = errors.New("choose another one, or end what listens there")

func (s *Server) portTaken() error {
	return fmt.Errorf("port %d on 127.0.0.1, for PostgreSQL, is taken: %w", s.port, errPortTaken)
}

// choosePort takes a free port, or makes sure that the given one is free, before the server finds out at length.
func (s *Server) choosePort() error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))) //nolint:noctx // instant
	if errors.Is(err, syscall.EADDRINUSE) {
		return s.portTaken()
	}
	if err != nil {
		return fmt.Errorf("find a port for PostgreSQL: %w", err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}
