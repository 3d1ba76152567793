//go:build !realkafka && !race

package outbox

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// While Kafka answers some instances, they get all shards, and keep them. While it answers none, no shard moves. The model has no
// goroutines: with the race detector, the test would take ten times as long and find nothing more. make test runs it without.
func TestShardsGoToInstancesThatKafkaAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.IntRange(2, 4).Draw(t, "instances"))
		c.events = true
		c.run(30)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			reached := 0
			for _, m := range c.instances {
				if m.reaches = rapid.Bool().Draw(t, "reaches"); m.reaches {
					reached++
				}
			}
			before := c.epochs()
			if reached == 0 {
				c.run(rapid.IntRange(1, 300).Draw(t, "seconds"))
				if got := c.epochs(); !slices.Equal(got, before) {
					t.Fatalf("epochs %v became %v although Kafka answered nobody", before, got)
				}
				continue
			}
			c.run(1200) // longer than every rest
			settled := c.epochs()
			for _, m := range c.instances {
				if !m.reaches && m.held > 0 {
					t.Fatalf("an instance that Kafka does not answer has %d shards", m.held)
				}
				if even := event.Partitions / reached; m.reaches && (m.held < even || m.held > even+1) {
					t.Fatalf("an instance has %d shards, although Kafka answers %d instances", m.held, reached)
				}
			}
			for i := range settled {
				if settled[i]-before[i] > int64(2*len(c.instances)) {
					t.Fatalf("epochs %v became %v", before, settled)
				}
			}
			if c.run(600); !slices.Equal(c.epochs(), settled) {
				t.Fatalf("epochs %v became %v although nothing has changed", settled, c.epochs())
			}
		}
	})
}
