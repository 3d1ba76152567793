package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/monsplit/monsplit/internal/tcpport"
)

// reserveAddresses checks, before anything is started, whether both services can listen. It replaces port 0 by a free port.
// No other program takes the ports until release is called.
func (o *options) reserveAddresses() (release func(), err error) {
	const monolithFlag, catalogFlag = "--monolith-addr", "--catalog-addr"
	first, err := reserve(monolithFlag, o.MonolithAddr)
	if err != nil {
		return nil, err
	}
	second, err := reserve(catalogFlag, o.CatalogAddr)
	if err == nil && first.Port == second.Port {
		err = errors.Join(fmt.Errorf("%s and %s both have port %d: choose another port for one of them", monolithFlag, catalogFlag, first.Port), second.Close())
	}
	if err != nil {
		return nil, errors.Join(err, first.Close())
	}
	o.MonolithAddr, o.CatalogAddr = first.Addr, second.Addr
	return func() { _, _ = first.Close(), second.Close() }, nil // the end of the process closes them as well
}

func reserve(flag, addr string) (*tcpport.Reservation, error) {
	r, err := tcpport.Reserve(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is taken by another process: stop it, or choose another address with %s", addr, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s cannot be used: %w", flag, addr, err)
	}
	return r, nil
}
