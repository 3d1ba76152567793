package pgtx_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// A session that breaks tells no addresses: /readyz shows the text.
func TestBriefOfABrokenConnection(t *testing.T) {
	t.Parallel()
	reset := &net.OpError{
		Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 44076}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 5432},
		Err: fmt.Errorf("read: %w", syscall.ECONNRESET),
	}
	for _, err := range []error{fmt.Errorf("mark events as sent: %w", reset), errors.Join(fmt.Errorf("mark events as sent: %w", reset), reset)} {
		text := pgtx.Brief(err)
		if strings.Contains(text, "10.0.0") || !strings.HasPrefix(text, "mark events as sent: read: connection reset by peer") {
			t.Errorf("%q", text)
		}
	}
}
