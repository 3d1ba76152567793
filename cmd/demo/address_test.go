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
	if err := opts.settleAddresses(t.Context()); err == nil || !strings.Contains(err.Error(), "both have port "+port(opts.MonolithAddr)) {
		t.Errorf("one port for both gives %v", err)
	}
}
