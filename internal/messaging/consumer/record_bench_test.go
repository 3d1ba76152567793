package consumer_test

import (
	"fmt"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// It compares batches with and without the record of what became of their events, in turns in one run. The metric cost is the
// quotient of the two times.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprintf("events=%d", size), func(b *testing.B) {
			s := setup(b)
			s.seed(0)
			next, times := int64(0), [2]float64{}
			for b.Loop() {
				for i, unrecorded := range []bool{false, true} {
					s.Unrecorded(unrecorded)
					records := make([]broker.Record, size)
					for j := range records {
						records[j] = named(fmt.Sprintf("key-%d-%d", next, j), 1)
					}
					began := b.Elapsed()
					s.handle(next, records...)
					times[i] += (b.Elapsed() - began).Seconds()
					next += int64(size)
				}
			}
			b.ReportMetric(times[0]/times[1], "cost")
			b.ReportMetric(times[0]/float64(b.N)/float64(size)*1e6, "µs/event")
		})
	}
}
