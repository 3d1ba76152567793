//go:build !realkafka

package outbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

func TestHighestVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	record := func(key string, version int64) broker.Record {
		return broker.Record{Key: []byte(key), Time: time.Now(), Value: fmt.Appendf(nil,
			`{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":%q,"time":"2026-01-02T03:04:05Z","aggregateversion":%d,"data":{}}`,
			key, version)}
	}
	tp := broker.TopicPartition{Topic: b.products, Partition: 3}
	b.kafka.Write(t, tp, record("a", 1), record("a", 2), record("b", 7), record("a", 1), record("a", 2),
		broker.Record{Key: []byte("b"), Time: time.Now()}, broker.Record{Key: []byte("c"), Time: time.Now()}, record("c", 1))
	got, err := HighestVersions(t.Context(), b.kafka.Direct(), tp)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]LogVersion{"a": {Version: 2, Offset: 4}, "b": {Version: 7, Offset: 2, Purged: true}, "c": {Version: 1, Offset: 7}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	b.kafka.Write(t, tp, broker.Record{Key: []byte("a"), Value: []byte("no event"), Time: time.Now()})
	if _, err := HighestVersions(t.Context(), b.kafka.Direct(), tp); err == nil || !strings.Contains(err.Error(), "at offset 8") {
		t.Errorf("a record that is not an event: %v", err)
	}
}
