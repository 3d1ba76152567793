package serviceframe

import (
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// A service creates the topics of both kinds and publishes to them. Only queues forget their messages: later than 30 days
// after the expiry of a request.
func TestOwnedTopics(t *testing.T) {
	t.Parallel()
	spec := Spec{Topics: []string{"shop.hat.v1", "shop.cap.v1"}, Queues: []string{"shop.hat-request.v1"}}
	cfg := config.Common{
		Kafka:    config.Kafka{ReplicationFactor: 3, MinInSyncReplicas: 2},
		Requests: config.Requests{Expiry: 7 * 24 * time.Hour},
	}
	owned := func(name string, retention time.Duration) broker.TopicSpec {
		return broker.TopicSpec{Name: name, Partitions: 12, ReplicationFactor: 3, MinInSyncReplicas: 2, Retention: retention}
	}
	want := []broker.TopicSpec{
		owned("shop.hat.v1", 0), owned("shop.cap.v1", 0), owned("shop.hat-request.v1", 38*24*time.Hour)}
	if got := topicSpecs(spec, cfg); !slices.Equal(got, want) {
		t.Errorf("created as %+v, want %+v", got, want)
	}
	if got := relayConfig(spec, cfg).Topics; !slices.Equal(got, []string{"shop.hat.v1", "shop.cap.v1", "shop.hat-request.v1"}) {
		t.Errorf("published to %v", got)
	}
}
