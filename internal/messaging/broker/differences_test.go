package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// These behave differently on the embedded broker and on Apache Kafka. So what depends on them is tested only on Kafka
// (fencing_test.go, by "make test-kafka"). All other tests of this folder give the same result on both.
func TestWhereTheEmbeddedBrokerDiffersFromKafka(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]struct {
		try             func(t *testing.T, b *bundle) error
		embedded, kafka string
	}{
		// Kafka fences only in partitions to which the higher epoch has written. The embedded broker fences in all, and so
		// hides the schedule in which a zombie writes first.
		"a lower epoch in a partition that the higher has not written to": {
			try: func(t *testing.T, b *bundle) error {
				b.wantSent(t, b.batch(t, 0, 7, 0, "higher"), 0)
				return b.send(t, b.batch(t, 1, 3, 0, "lower"))[0].Err
			},
			embedded: "fenced", kafka: "written",
		},
		// KAFKA-15591: Kafka 4.5 will refuse it too. The relay never does it: each epoch begins at sequence 0.
		"a first sequence other than 0 in a partition that was never written to": {
			try: func(t *testing.T, b *bundle) error {
				return b.send(t, b.batch(t, 0, 0, 5, "value"))[0].Err
			},
			embedded: "next epoch", kafka: "written",
		},
		"a record without a key in a compacted topic": {
			try: func(t *testing.T, b *bundle) error {
				batch, err := broker.EncodeBatch(b.tp(0), broker.ProducerSession{ID: b.id}, 0,
					[]broker.Record{{Value: []byte("v"), Time: time.Now()}})
				if err != nil {
					t.Fatal(err)
				}
				return b.send(t, batch)[0].Err
			},
			embedded: "written", kafka: "refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := "written"
			if err := d.try(t, setup(t)); err != nil {
				got = fmt.Sprint(broker.VerdictOf(err))
			}
			want := d.embedded
			if kafkatest.Real() {
				want = d.kafka
			}
			if got != want {
				t.Errorf("got %s, want %s (embedded: %s, Kafka: %s)", got, want, d.embedded, d.kafka)
			}
		})
	}
}
