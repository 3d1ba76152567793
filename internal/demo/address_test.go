package main

import (
	"strings"
	"testing"
)

func TestAddressesAreSettled(t *testing.T) {
	t.Parallel()
	opts := options{MonolithAddr: "127.0.0.1:0", CatalogAddr: ":0"}
	if err := opts.settleAddresses(t.Context()); err != nil {
		t.Fatal(err)
	}
	if port(opts.MonolithAddr) == "0" || !strings.HasPrefix(opts.MonolithAddr, "127.0.0.1:") || opts.CatalogAddr[0] != ':' ||
		port(opts.CatalogAddr) == port(opts.MonolithAddr) {
		t.Errorf("settled on %s and %s", opts.MonolithAddr, opts.CatalogAddr)
	}
	opts.CatalogAddr = ":" + port(opts.MonolithAddr)
	if err := opts.settleAddresses(t.Context()); err == nil || !strings.Contains(err.Error(), "are both given port "+port(opts.MonolithAddr)) {
		t.Errorf("one port for both gives %v", err)
	}
}

func TestAddressesAreShownAsClientsUseThem(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8000": "localhost:8000", "0.0.0.0:8000": "localhost:8000", "[::]:8000": "localhost:8000",
		"127.0.0.1:8000": "127.0.0.1:8000", "[::1]:8000": "[::1]:8000", "db.example:80": "db.example:80",
	} {
		if got := shown(addr); got != want {
			t.Errorf("%s is shown as %s, want %s", addr, got, want)
		}
	}
}
