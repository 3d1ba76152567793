package journey

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Ref names an event: a change of one aggregate. The version 0 means its newest event.
type Ref struct {
	Topic, Key string
	Version    int64
}

// String returns TOPIC/KEY/VERSION.
func (r Ref) String() string { return r.Topic + "/" + r.Key + "/" + strconv.FormatInt(r.Version, 10) }

// ParseRef reads what Ref.String returns. It reports false for every other text.
func ParseRef(text string) (Ref, bool) {
	topic, rest, _ := strings.Cut(text, "/")
	i := strings.LastIndexByte(rest, '/')
	if topic == "" || i <= 0 || len(text) > longestRef {
		return Ref{}, false
	}
	version, err := strconv.ParseInt(rest[i+1:], 10, 64)
	r := Ref{Topic: topic, Key: rest[:i], Version: version}
	return r, err == nil && version >= 0 && r.String() == text && strings.ToValidUTF8(text, "") == text && strings.IndexByte(text, 0) < 0
}

const longestRef = 600

// Event is what this service knows of one event. Produced or Consumed is set: no service consumes its own events.
type Event struct {
	Ref      Ref
	ID       string // of CloudEvents
	Type     string
	Produced *Produced
	Consumed *Consumed
}

// Began returns when this service first had the event.
func (e Event) Began() time.Time {
	if e.Produced != nil {
		return e.Produced.Committed
	}
	return e.Consumed.Received
}

// Final reports whether no further step will come in this service. An operator may still close a dead letter.
func (e Event) Final() bool {
	return e.Consumed != nil || e.Produced.Discarded || e.Produced.IsSent
}

// Produced is the way of an event in the service that publishes it.
type Produced struct {
	Committed time.Time // when the transaction of the change has appended it
	IsSent    bool      // Kafka has acknowledged it
	Discarded bool      // an operator has discarded it: it never reaches Kafka
	// Sent is where Kafka has it. It is nil for an event that was sent in an unusual way, or too long ago.
	Sent *Sent
}

// Sent is a place in Kafka.
type Sent struct {
	At        time.Time // when the acknowledgement came
	Partition int
	Offset    int64
}

// Outcome is what a consumer has done with an event. The consumer writes it, with the event.
type Outcome string

// The outcomes.
const (
	Applied Outcome = "applied"
	Known   Outcome = "known"   // the copy had its version already
	Ignored Outcome = "ignored" // this service does not read events of its type, or the record has no value
	Purged  Outcome = "purged"  // the data of its key was removed
	Dead    Outcome = "dead"    // it is a dead letter
)

// Consumed is the way of an event in a service that consumes it.
type Consumed struct {
	Partition int
	Offset    int64
	Received  time.Time // when the record arrived
	Settled   time.Time // when the transaction was committed that has applied it, or has passed over it
	Outcome   Outcome
	Letter    *Letter // set if Outcome is Dead
}

// Letter is a dead letter.
type Letter struct {
	ID           int64
	Code, Reason string
	State        string // open, replayed, superseded or discarded
	ClosedAt     *time.Time
}

// Newest returns the newest events, the newest first.
func Newest(ctx context.Context, db messagingdb.DBTX, most int) ([]Event, error) {
	q := messagingdb.New(db)
	produced, err := q.NewestProduced(ctx, int32(most))
	if err != nil {
		return nil, fmt.Errorf("list the newest events of the outbox: %w", err)
	}
	consumed, err := q.NewestConsumed(ctx, int32(most))
	if err != nil {
		return nil, fmt.Errorf("list the newest events of the consumer: %w", err)
	}
	all, err := complete(ctx, q, produced, consumed)
	slices.SortStableFunc(all, func(a, b Event) int { return b.Began().Compare(a.Began()) })
	return all[:min(len(all), most)], err
}

// Find returns what is known about the events. It leaves out those that this service does not know, or not yet.
func Find(ctx context.Context, db messagingdb.DBTX, refs ...Ref) (map[Ref]Event, error) {
	p := messagingdb.FindProducedParams{}
	for _, r := range refs {
		lowest, highest := r.Version, r.Version
		if r.Version == 0 {
			highest = math.MaxInt64
		}
		p.Topics, p.Keys = append(p.Topics, r.Topic), append(p.Keys, r.Key)
		p.Lowest, p.Highest = append(p.Lowest, lowest), append(p.Highest, highest)
	}
	q := messagingdb.New(db)
	produced, err := q.FindProduced(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("find events in the outbox: %w", err)
	}
	consumed, err := q.FindConsumed(ctx, messagingdb.FindConsumedParams(p))
	if err != nil {
		return nil, fmt.Errorf("find events of the consumer: %w", err)
	}
	rows := make([]messagingdb.NewestProducedRow, len(produced))
	for i, r := range produced {
		rows[i] = messagingdb.NewestProducedRow(r)
	}
	all, err := complete(ctx, q, rows, consumed)
	if err != nil {
		return nil, err
	}
	found := map[Ref]Event{}
	for _, r := range refs {
		for _, e := range all {
			if e.Ref == r || r.Version == 0 && e.Ref.Topic == r.Topic && e.Ref.Key == r.Key && e.Ref.Version >= found[r].Ref.Version {
				found[r] = e
			}
		}
	}
	return found, nil
}

// complete adds to events what other tables have about them.
func complete(ctx context.Context, q *messagingdb.Queries, produced []messagingdb.NewestProducedRow, consumed []messagingdb.ConsumerEvent) ([]Event, error) {
	all := make([]Event, 0, len(produced)+len(consumed))
	places, err := sentPlaces(ctx, q, produced)
	if err != nil {
		return nil, err
	}
	for _, r := range produced {
		p := &Produced{Committed: r.CreatedAt.UTC(), IsSent: !r.Pending && !r.Discarded, Discarded: r.Discarded, Sent: places[r.Seq]}
		all = append(all, Event{Ref: Ref{r.Topic, r.Key, r.Version}, ID: r.EventID.String(), Type: r.Type, Produced: p})
	}
	for _, r := range consumed {
		c := &Consumed{Partition: int(r.Part), Offset: r.Offset, Received: r.ReceivedAt.UTC(), Settled: r.SettledAt.UTC(), Outcome: Outcome(r.Outcome)}
		if c.Outcome == Dead {
			if c.Letter, err = letterOf(ctx, q, r); err != nil {
				return nil, err
			}
		}
		all = append(all, Event{Ref: Ref{r.Topic, r.Key, r.Version}, ID: r.EventID, Type: r.Type, Consumed: c})
	}
	return all, nil
}

// lateBy is by how many numbers an event can be behind the newest one of its batch. An event that is later has no known place.
const lateBy = 100_000

func sentPlaces(ctx context.Context, q *messagingdb.Queries, produced []messagingdb.NewestProducedRow) (map[int64]*Sent, error) {
	p := messagingdb.FindSentParams{Reach: lateBy}
	shards := map[int64]int16{}
	for _, r := range produced {
		if !r.Pending && !r.Discarded {
			p.Topics, p.Shards, p.Seqs = append(p.Topics, r.Topic), append(p.Shards, r.Shard), append(p.Seqs, r.Seq)
			shards[r.Seq] = r.Shard
		}
	}
	if len(p.Seqs) == 0 {
		return nil, nil
	}
	rows, err := q.FindSent(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("find where Kafka has events: %w", err)
	}
	places := map[int64]*Sent{}
	for _, r := range rows {
		places[r.Seq] = &Sent{At: r.SentAt.UTC(), Partition: int(shards[r.Seq]), Offset: r.Offset}
	}
	return places, nil
}

func letterOf(ctx context.Context, q *messagingdb.Queries, r messagingdb.ConsumerEvent) (*Letter, error) {
	d, err := q.GetDeadLetterAt(ctx, messagingdb.GetDeadLetterAtParams{Topic: r.Topic, TopicID: r.TopicID, Part: r.Part, At: r.Offset})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the dead letter of an event: %w", err)
	}
	return &Letter{ID: d.ID, Code: d.Code, Reason: d.Reason, State: d.State, ClosedAt: d.ClosedAt}, nil
}
