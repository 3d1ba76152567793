package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// compareLog compares the part of the log with the database that is not known to be acknowledged.
func (c *logCheck) compareLog(ctx context.Context) (*Halt, error) {
	log, tp := &c.checked, c.lease.tp
	switch {
	case log.recreated:
		return &Halt{Code: TopicRecreated, Reason: fmt.Sprintf("topic %s was deleted and created again: it now has the id %s",
			tp.Topic, log.topicID)}, nil
	case log.end < log.ackedEnd:
		return &Halt{Code: LogTruncated, Reason: fmt.Sprintf("%s ends at offset %d, but Kafka had acknowledged all events below %d",
			tp, log.end, log.ackedEnd)}, nil
	case !log.known && c.lease.producerID < 0:
		return c.usedTopic(ctx, tp.Topic)
	case log.end == log.ackedEnd:
		return nil, nil
	}
	start, err := c.broker.StartOffset(ctx, tp) // above ackedEnd if Kafka has removed old messages of a queue
	if err != nil {
		return nil, err
	}
	log.sent, err = c.compareRange(ctx, tp, max(start, log.ackedEnd), log.end)
	if unknown, ok := errors.AsType[*unknownRecordError](err); ok {
		return &Halt{Code: HistoriesParted, Reason: unknown.Error()}, nil
	}
	return nil, err
}

// usedTopic returns a halt if a topic has records that this database has not published. It looks at all shards of which the
// database knows no log: an empty database must not publish to the empty shards of a topic that belongs to another one.
func (c *logCheck) usedTopic(ctx context.Context, topic string) (*Halt, error) {
	for p := range event.Partitions {
		tp := broker.TopicPartition{Topic: topic, Partition: p}
		end, err := c.broker.EndOffset(ctx, tp)
		if err != nil {
			return nil, err
		}
		if end == 0 {
			continue
		}
		// Read this after the end: another instance stores a log before it publishes the first event to it.
		ours, err := c.shardsOf(ctx, topic)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ours, int16(p)) {
			return &Halt{Code: HistoriesParted, Reason: fmt.Sprintf("%s has %d records, but this database has never published to it; "+
				"use the database that belongs to this Kafka, or another Kafka, or delete the topic if its records are not needed", tp, end)}, nil
		}
	}
	return nil, nil
}

func (c *logCheck) shardsOf(ctx context.Context, topic string) ([]int16, error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	shards, err := messagingdb.New(c.db.conn).ListLogShards(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("read which logs of topic %s this database knows: %w", topic, err)
	}
	return shards, nil
}

// compareRange reads a part of a log. It returns the pending events that count as sent, or an *unknownRecordError.
func (c *logCheck) compareRange(ctx context.Context, tp broker.TopicPartition, from, to int64) ([]sentEvent, error) {
	result, chunk, reported := newComparison(compareRows), make([]logRecord, 0, compareChunk), time.Now()
	err := c.broker.ReadRange(ctx, tp, from, to, func(r broker.Fetched) error {
		if r.Value == nil {
			return nil // an operator has purged the key
		}
		record, err := identify(tp, r)
		if err != nil {
			return err
		}
		if chunk = append(chunk, record); len(chunk) < compareChunk {
			return nil
		}
		err = c.look(ctx, tp, chunk, result)
		chunk = chunk[:0]
		if now := time.Now(); now.Sub(reported) >= progressEvery {
			reported = now
			text := fmt.Sprintf("%s: offset %d of %d", tp, r.Offset, to)
			c.progress.Store(&text)
			c.log.Info("the relay compares the log with the database", "partition", tp.String(), "from", from, "offset", r.Offset, "end", to)
		}
		return err
	})
	if err == nil {
		err = c.look(ctx, tp, chunk, result)
	}
	return result.sent(), err
}

// look adds records to a comparison. It returns an *unknownRecordError for the first one that the database does not know.
func (c *logCheck) look(ctx context.Context, tp broker.TopicPartition, records []logRecord, result *comparison) error {
	if len(records) == 0 {
		return nil
	}
	c.answered()
	p := messagingdb.KnownEventsParams{Topic: tp.Topic, Shard: int16(tp.Partition)}
	for _, r := range records {
		p.Keys, p.EventIds = append(p.Keys, r.key), append(p.EventIds, r.id)
	}
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	rows, err := messagingdb.New(c.db.conn).KnownEvents(ctx, p)
	if err != nil {
		return fmt.Errorf("look for the events of %s in the database: %w", tp, err)
	}
	known := make([]*messagingdb.KnownEventsRow, len(records))
	for i := range rows {
		known[rows[i].N] = &rows[i]
	}
	for i, r := range records {
		e := known[i]
		if e == nil {
			return &unknownRecordError{tp, r.offset, r.key}
		}
		result.add(r.key, knownEvent{seq: e.Seq, version: e.Version, predecessor: e.Predecessor, pending: e.Pending, blocked: e.Blocked})
	}
	return nil
}
