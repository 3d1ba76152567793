package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// settleAddresses checks, before anything is started, whether both services can listen. It replaces port 0 by a free port.
func (o *options) settleAddresses(ctx context.Context) error {
	const monolithFlag, catalogFlag = "--monolith-addr", "--catalog-addr"
	first, err := listen(ctx, monolithFlag, o.MonolithAddr)
	if err != nil {
		return err
	}
	defer first.Close() // closed after the second, so that the two get different ports
	second, err := listen(ctx, catalogFlag, o.CatalogAddr)
	if _, taken := errors.AsType[*takenError](err); taken && port(o.CatalogAddr) == port(first.Addr().String()) {
		return fmt.Errorf("%s and %s both have port %s: choose another port for one of them", monolithFlag, catalogFlag, port(o.CatalogAddr))
	}
	if err != nil {
		return err
	}
	o.MonolithAddr, o.CatalogAddr = settled(o.MonolithAddr, first), settled(o.CatalogAddr, second)
	return second.Close()
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &takenError{flag, addr}
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be used: %w", flag, addr, err)
	}
	return l, nil
}

type takenError struct{ flag, addr string }

func (e *takenError) Error() string {
	return fmt.Sprintf("the address %s is taken by another process: stop it, or choose another address with %s", e.addr, e.flag)
}

// settled returns addr with the port of the listener.
func settled(addr string, l net.Listener) string {
	host, _, _ := net.SplitHostPort(addr) // valid, because a listener uses it
	return net.JoinHostPort(host, port(l.Addr().String()))
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // valid, because a listener uses it
	return port
}
