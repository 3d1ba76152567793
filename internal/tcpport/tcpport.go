// Package tcpport reserves TCP ports. A port that was found to be free can be taken by anyone before a server listens on it,
// even by the local end of a connection to another server. A reserved port cannot.
package tcpport

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// Reservation keeps a port for servers that listen with SO_REUSEADDR, as all usual servers do on Unix. Until one listens,
// connections to the port are refused. The reservation also holds while servers come and go.
type Reservation struct {
	// Addr is the reserved address, as HOST:PORT. The host is as it was given.
	Addr  string
	Port  int
	close func() error
}

// Reserve reserves the port of addr, which is HOST:PORT. Without a host, the port is reserved for all IPv4 addresses. The
// system chooses port 0: no other Reserve, server or connection gets the same port. Any other port can be reserved
// several times. The error is syscall.EADDRINUSE if a server listens on the port.
//
// The socket is bound but does not listen. See SO_REUSEADDR in socket(7): a server may bind to the same port then.
func Reserve(addr string) (*Reservation, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	want, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	fd, err := bind(want)
	if err != nil {
		return nil, fmt.Errorf("reserve the port of %s: %w", addr, err)
	}
	port, err := portOf(fd)
	if err != nil {
		_ = syscall.Close(fd) // the first error is the one that says something
		return nil, fmt.Errorf("reserve the port of %s: %w", addr, err)
	}
	return &Reservation{
		Addr: net.JoinHostPort(host, strconv.Itoa(port)), Port: port,
		close: sync.OnceValue(func() error { return syscall.Close(fd) }),
	}, nil
}

// Close ends the reservation. Closing it again does nothing. A server that listens on the port goes on.
func (r *Reservation) Close() error { return r.close() }

// bind returns a socket that is bound to the address, and that child processes do not inherit.
func bind(addr *net.TCPAddr) (int, error) {
	family, at := sockaddr(addr)
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	if err == nil {
		err = os.NewSyscallError("bind", syscall.Bind(fd, at))
	}
	if err != nil {
		_ = syscall.Close(fd) // the first error is the one that says something
		return 0, err
	}
	return fd, nil
}

func sockaddr(addr *net.TCPAddr) (family int, at syscall.Sockaddr) {
	if ip := addr.IP.To4(); ip != nil || addr.IP == nil {
		at := &syscall.SockaddrInet4{Port: addr.Port}
		copy(at.Addr[:], ip)
		return syscall.AF_INET, at
	}
	v6 := &syscall.SockaddrInet6{Port: addr.Port}
	copy(v6.Addr[:], addr.IP)
	return syscall.AF_INET6, v6
}

func portOf(fd int) (int, error) {
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch at := at.(type) {
	case *syscall.SockaddrInet4:
		return at.Port, nil
	case *syscall.SockaddrInet6:
		return at.Port, nil
	default:
		return 0, fmt.Errorf("the socket has an address of type %T", at)
	}
}
