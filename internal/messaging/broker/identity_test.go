package broker_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestATopicThatIsCreatedAgainHasAnotherID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.topicID(t)
	if again := b.topicID(t); before.IsZero() || again != before {
		t.Errorf("the ids are %s and %s", before, again)
	}
	b.recreate(t)
	if after := b.topicID(t); after.IsZero() || after == before {
		t.Errorf("the ids are %s and %s", before, after)
	}
	if _, err := b.client.TopicID(t.Context(), b.Topic("missing")); !errors.Is(err, broker.ErrUnknownTopic) {
		t.Errorf("the id of a missing topic: %v", err)
	}
}

func TestTopicIDAsText(t *testing.T) {
	t.Parallel()
	id := broker.TopicID{0xfb, 0xff, 15: 1}
	if id.String() != "-_8AAAAAAAAAAAAAAAAAAQ" || id.UUID().String() != "fbff0000-0000-0000-0000-000000000001" {
		t.Errorf("got %s, %s", id, id.UUID())
	}
	if (broker.TopicID{}).String() != "unknown" {
		t.Error("the zero id is not unknown")
	}
}

func TestClusterHasAnID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, err := b.client.ClusterID(t.Context())
	if err != nil || id == "" || !kafkatest.Real() && id != "embedded" {
		t.Errorf("got %q, %v", id, err)
	}
	b.Stop()
	if id, err := b.client.ClusterID(t.Context()); err == nil {
		t.Errorf("a cluster that is away has the id %q", id)
	}
}

func TestReadRange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 40)...)
	abortEmptyTransaction(t, b) // its mark has an offset, but no record
	b.write(t, 0, numbers(41, 60)...)
	stop := errors.New("stop")
	for name, tt := range map[string]struct {
		from, to int64
		first    string
		count    int
		end      error
	}{
		"all":                       {0, 60, "0", 59, nil},
		"within a batch":            {3, 17, "3", 14, nil},
		"nothing":                   {17, 17, "", 0, nil},
		"only a mark":               {40, 41, "", 0, nil},
		"beyond the log's end":      {50, 61, "50", 10, broker.ErrLogEnds},
		"from beyond the log's end": {70, 80, "", 0, kafka.OffsetOutOfRange},
		"until an error":            {10, 60, "10", 7, stop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := b.client.ReadRange(t.Context(), b.tp(0), tt.from, tt.to, func(r broker.Fetched) error {
				got = append(got, string(r.Value))
				if string(r.Value) != fmt.Sprint(r.Offset) || r.Offset < tt.from || r.Offset >= tt.to {
					t.Errorf("offset %d has the value %s", r.Offset, r.Value)
				}
				if tt.end == stop && len(got) == tt.count { //nolint:errorlint // the value of the table
					return stop
				}
				return nil
			})
			if !errors.Is(err, tt.end) || len(got) != tt.count || tt.count > 0 && got[0] != tt.first {
				t.Errorf("%d records %q, %v", len(got), got, err)
			}
		})
	}
}

// Records of the new log must not pass for the rest of the old one.
func TestReadRangeEndsWhenTheTopicIsCreatedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const records = 20
	fill := func(value byte) {
		for range records {
			b.Write(t, b.tp(0), broker.Record{Key: []byte("k"), Value: bytes.Repeat([]byte{value}, 500_000), Time: time.Now()})
		}
	}
	fill('a')
	read := 0
	err := b.client.ReadRange(t.Context(), b.tp(0), 0, records, func(r broker.Fetched) error {
		if read++; read == 1 {
			b.recreate(t)
			fill('b')
		}
		if r.Value[0] != 'a' {
			return errors.New("a record of the new log")
		}
		return nil
	})
	if !errors.Is(err, broker.ErrTopicRecreated) {
		t.Errorf("got %v after %d records", err, read)
	}
}
