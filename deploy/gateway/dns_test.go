//go:build gateway

package gateway_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsServer plays the part of Docker's DNS. It answers the name of a service with the addresses of its instances, in any
// order. A name without instances does not exist.
type dnsServer struct {
	addr string

	mu      sync.Mutex
	records map[string][]netip.Addr
}

// startDNS returns a server that ends with the test.
func startDNS(t *testing.T) *dnsServer {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dnsServer{addr: conn.LocalAddr().String(), records: map[string][]netip.Addr{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.serve(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return s
}

// set replaces the addresses of a name.
func (s *dnsServer) set(name string, addresses ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[name+"."] = addresses
}

func (s *dnsServer) serve(conn net.PacketConn) {
	query := make([]byte, 512)
	for {
		size, from, err := conn.ReadFrom(query)
		if err != nil {
			return // the test has ended
		}
		if answer, err := s.answer(query[:size]); err == nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}

func (s *dnsServer) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	question := m.Questions[0]
	addresses := s.records[question.Name.String()]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if len(addresses) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	if question.Type == dnsmessage.TypeA {
		for _, address := range addresses {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				// Docker's answers are valid for 600 s. The gateway must ask again earlier.
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 600},
				Body:   &dnsmessage.AResource{A: address.As4()},
			})
		}
	}
	return m.Pack()
}
