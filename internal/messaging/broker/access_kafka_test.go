//go:build realkafka

package broker_test

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/certificate"
	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestAccessToKafka(t *testing.T) {
	t.Parallel()
	g := guarded{authority: certificate.NewAuthority(t), other: certificate.NewAuthority(t)}
	secured := &kafkaprocess.Secured{Certificate: g.authority.Issue(t, "broker", "127.0.0.1").Both, Authority: g.authority.File,
		Users: []kafkaprocess.User{{Name: user, Password: password}}, Reauthorize: 2 * time.Second}
	kafka := kafkaprocess.Run(t, secured)
	g.plain, g.secure, g.signed, g.mutual = kafka.Addr, secured.SecureAddr, secured.SignedAddr, secured.MutualAddr
	testAccess(t, g)
	t.Run("SignInEnds", func(t *testing.T) {
		t.Parallel()
		requestsOutliveSignIn(t, g.signed, 3*secured.Reauthorize)
	})
}

// The broker closes a connection on which a request arrives after its sign-in has ended. No request may fail because of that.
func requestsOutliveSignIn(t *testing.T, address string, long time.Duration) {
	t.Helper()
	client := open(t, broker.Config{Brokers: []string{address}, Credentials: credentials(broker.ScramSHA512)})
	tp := broker.TopicPartition{Topic: "outlived"}
	if err := client.EnsureTopic(t.Context(), broker.TopicSpec{Name: tp.Topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	id, err := client.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begun, sequence := time.Now(), int32(0)
	kafkatest.Eventually(t, "some sign-ins have ended", func() bool {
		batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id}, sequence, []broker.Record{{Key: []byte("k"), Time: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		// Only the first batch may fail, while not every part of the broker knows the topic.
		if err = client.Produce(t.Context(), []*broker.Batch{batch})[0].Err; err == nil {
			sequence++
		} else if sequence > 0 {
			t.Fatalf("after %s: %v", time.Since(begun), err)
		}
		return time.Since(begun) > long
	})
}
