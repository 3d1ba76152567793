package main

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestAddressesAreReserved(t *testing.T) {
	t.Parallel()
	opts := options{MonolithAddr: "127.0.0.1:0", CatalogAddr: ":0"}
	release, err := opts.reserveAddresses()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	monolith, catalog := port(t, opts.MonolithAddr), port(t, opts.CatalogAddr)
	if monolith == 0 || !strings.HasPrefix(opts.MonolithAddr, "127.0.0.1:") || opts.CatalogAddr[0] != ':' || catalog == monolith {
		t.Errorf("reserved %s and %s", opts.MonolithAddr, opts.CatalogAddr)
	}
	for _, addr := range []string{opts.MonolithAddr, opts.CatalogAddr} { // as the services do later
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
		if err != nil {
			t.Errorf("%s is reserved, but nobody can use it: %v", addr, err)
			continue
		}
		_ = l.Close()
	}
	opts.CatalogAddr = ":" + strconv.Itoa(monolith)
	if _, err := opts.reserveAddresses(); err == nil || !strings.Contains(err.Error(), "both have port "+strconv.Itoa(monolith)) {
		t.Errorf("one port for both gives %v", err)
	}
}

// A port that is taken is reported with the option that names it.
func TestTakenAddresses(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	const free = "127.0.0.1:0"
	for want, opts := range map[string]options{
		"choose another address with --monolith-addr": {MonolithAddr: busy.Addr().String(), CatalogAddr: free},
		"choose another address with --catalog-addr":  {MonolithAddr: free, CatalogAddr: busy.Addr().String()},
		"--catalog-addr nonsense cannot be used":      {MonolithAddr: free, CatalogAddr: "nonsense"},
	} {
		if _, err := opts.reserveAddresses(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func port(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
