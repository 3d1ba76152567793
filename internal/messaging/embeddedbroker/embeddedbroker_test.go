package embeddedbroker_test

import (
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/testkit/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStopsAndStartsAgainAtTheSameAddress(t *testing.T) {
	t.Parallel()
	b, err := embeddedbroker.Start(t.Context(), embeddedbroker.Options{Addr: freeport.Addr(t), DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	if err := b.Cluster().CreateTopic("kept", 12, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(); err == nil {
		t.Error("a running broker was started again")
	}
	for range 3 {
		if err := b.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr); err == nil {
			conn.Close()
			t.Error("a stopped broker takes connections")
		}
		if err := b.Restart(); err != nil {
			t.Fatal(err)
		}
		if b.Addr() != addr {
			t.Errorf("moved from %s to %s", addr, b.Addr())
		}
		if info := b.Cluster().TopicInfo("kept"); info == nil {
			t.Error("the topic is gone")
		}
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Error("a second Stop:", err)
	}
}

func TestBusyPortIsNamed(t *testing.T) {
	t.Parallel()
	busy, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, err = embeddedbroker.Start(t.Context(), embeddedbroker.Options{Addr: busy.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), busy.Addr().String()) {
		t.Errorf("want an error naming %s, got %v", busy.Addr(), err)
	}
}
