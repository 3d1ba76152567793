package pgserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

var errPortTaken = errors.New("choose another one, or stop the program that listens there")

func (s *Server) portTaken() error {
	return fmt.Errorf("port %d on 127.0.0.1, for PostgreSQL, is taken: %w", s.port, errPortTaken)
}

// choosePort chooses a free port, or checks that the given port is free. The server itself would take long to report that.
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
