// Package freeport gives ports to programs that a test starts. Nothing else on the machine takes them during the test.
package freeport

import (
	"testing"

	"github.com/monsplit/monsplit/internal/tcpport"
)

// Addr returns an address on loopback, as HOST:PORT, that is reserved until the test ends.
func Addr(t testing.TB) string {
	t.Helper()
	return reserve(t).Addr
}

// Port returns a port on loopback that is reserved until the test ends.
func Port(t testing.TB) int {
	t.Helper()
	return reserve(t).Port
}

func reserve(t testing.TB) *tcpport.Reservation {
	t.Helper()
	r, err := tcpport.Reserve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}
