package pgserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"github.com/monsplit/monsplit/internal/tcpport"
)

func portTaken(port int) error {
	return fmt.Errorf("port %d on 127.0.0.1, for PostgreSQL, is taken: choose another one, or stop the program that listens there", port)
}

// reservePort chooses a free port, or checks that the given port is free. The server itself would take long to report that.
func (s *Server) reservePort() (err error) {
	s.port, err = tcpport.Reserve(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.opts.Port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return portTaken(s.opts.Port)
	}
	if err != nil {
		return fmt.Errorf("find a port for PostgreSQL: %w", err)
	}
	return nil
}
