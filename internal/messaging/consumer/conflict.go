package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// CopyConflict is the code of the alarm that copies differ from the last events of their versions. Nothing waits because of
// it. docs/operations.md has a section for it.
const CopyConflict = "copy_conflict"

// Comparison is what a handler has found out about an event whose version the copy has already.
type Comparison int8

// The comparisons of an event.
const (
	NotCompared Comparison = iota // the copy had another version, or does not know its data
	EqualData
	OtherData
)

// SameVersion reports to the consumer that the copy has the event's version already, and whether its data is equal. If it is
// not, the consumer raises an alarm: the owner has given out the version twice, or the event is not from the owner.
func (e Event) SameVersion(equal bool) {
	switch {
	case e.Comparison == nil:
	case equal:
		*e.Comparison = EqualData
	default:
		*e.Comparison = OtherData
	}
}

// Conflict is a copy that differs from the last event of its version. Its key is safe on a terminal: unprintable characters
// are escaped.
type Conflict struct {
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Key       string    `json:"key"`
	Version   int64     `json:"version"`
	SeenAt    time.Time `json:"seen_at"`
}

// ConflictFilter selects conflicts. Zero values do not filter.
type ConflictFilter struct {
	Topic string
	After string // only those with a higher key; the last key of the previous page of a topic
	Limit int    // 100 by default, 1000 at most
}

// Conflicts returns open conflicts, sorted by topic and key.
func Conflicts(ctx context.Context, pool *pgxpool.Pool, f ConflictFilter) ([]Conflict, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	var topic *string
	if f.Topic != "" {
		topic = &f.Topic
	}
	rows, err := messagingdb.New(pool).ListConflicts(ctx, f.After, topic, int32(min(f.Limit, 1000)))
	if err != nil {
		return nil, fmt.Errorf("list the conflicts of copies: %w", err)
	}
	list := make([]Conflict, len(rows))
	for i, r := range rows {
		list[i] = Conflict{
			Topic: r.Topic, Partition: int(r.Part), Key: escapeUnprintable(r.Key, ""), Version: r.Version, SeenAt: r.SeenAt.UTC(),
		}
	}
	return list, nil
}

// CountConflicts returns how many conflicts each topic has.
func CountConflicts(ctx context.Context, pool *pgxpool.Pool) (map[string]int64, error) {
	rows, err := messagingdb.New(pool).CountConflicts(ctx)
	if err != nil {
		return nil, fmt.Errorf("count the conflicts of copies: %w", err)
	}
	open := map[string]int64{}
	for _, r := range rows {
		open[r.Topic] += r.Open
	}
	return open, nil
}

// comparedItem is the last item of a key that says something about the copy's present version.
type comparedItem struct {
	*item
	version int64 // purgedVersion for a purge
}

// newestItems returns, for each key, the last item that the handler has compared with the copy, or a later one that has
// brought the copy to a higher version. Compaction keeps the last event of a key, so the last one counts.
func newestItems(items []item) map[string]comparedItem {
	newest := make(map[string]comparedItem, len(items))
	for i := range items {
		it := &items[i]
		if it.err != nil || it.ignored || it.unknown {
			continue
		}
		next := comparedItem{it, it.event.Version}
		if it.event.Purge {
			next.version = purgedVersion
		}
		if next.version > newest[it.event.Key].version || it.comparison != NotCompared {
			newest[it.event.Key] = next
		}
	}
	return newest
}

func haveOtherData(items []item) bool {
	for i := range items {
		if items[i].comparison == OtherData {
			return true
		}
	}
	return false
}

// conflictChange is how items have changed the open conflicts of their partition.
type conflictChange struct {
	begun []messagingdb.InsertConflictsRow
	ended []string // keys
	known bool     // open is set
	open  int64    // afterwards, in the partition
}

// changeConflicts stores which copies differ from the items, and ends the conflicts of copies that have a higher version now,
// or the data of the last item. Without mayHave, the partition had no conflict before.
func changeConflicts(ctx context.Context, tx pgx.Tx, topic string, part int, items []item, mayHave bool) (change conflictChange, err error) {
	if !mayHave && !haveOtherData(items) {
		return conflictChange{}, nil
	}
	var keys, endKeys []string
	var versions, endBelow []int64
	for key, it := range newestItems(items) {
		switch it.comparison {
		case OtherData:
			keys, versions = append(keys, key), append(versions, it.version)
		case EqualData:
			endKeys, endBelow = append(endKeys, key), append(endBelow, it.version+1)
		default:
			endKeys, endBelow = append(endKeys, key), append(endBelow, it.version)
		}
	}
	q := messagingdb.New(tx)
	if len(endKeys) > 0 {
		if change.ended, err = q.EndConflicts(ctx, endKeys, endBelow, topic); err != nil {
			return conflictChange{}, fmt.Errorf("end conflicts of copies: %w", err)
		}
	}
	if len(keys) > 0 {
		change.begun, err = q.InsertConflicts(ctx, messagingdb.InsertConflictsParams{
			Topic: topic, Part: int32(part), Keys: keys, Versions: versions,
		})
		if err != nil {
			return conflictChange{}, fmt.Errorf("store conflicts of copies: %w", err)
		}
	}
	if len(change.begun)+len(change.ended) == 0 {
		return change, nil
	}
	change.known = true
	if change.open, err = q.CountConflictsOf(ctx, topic, int32(part)); err != nil {
		return conflictChange{}, fmt.Errorf("count conflicts of copies: %w", err)
	}
	return change, nil
}

// updateConflicts changes the open conflicts of a batch's partition.
func (c *Consumer[T]) updateConflicts(ctx context.Context, p *partition, tx pgx.Tx, b batch) (conflictChange, error) {
	c.mu.Lock()
	mayHave := p.mayHaveConflicts
	c.mu.Unlock()
	return changeConflicts(ctx, tx, b.tp.Topic, b.tp.Partition, b.items, mayHave)
}

// recordConflicts updates state and log after a commit: one line for each aggregate. p is nil if this process does not hold
// the partition.
func (c *Consumer[T]) recordConflicts(ctx context.Context, p *partition, topic string, part int, change conflictChange) {
	if change.known && p != nil {
		c.mu.Lock()
		p.setConflicts(change.open)
		c.mu.Unlock()
	}
	place := func(key string) []slog.Attr {
		return []slog.Attr{slog.String("topic", topic), slog.Int("partition", part), slog.String("key", escapeUnprintable(key, ""))}
	}
	for _, one := range change.begun {
		c.log.LogAttrs(ctx, slog.LevelError, "an event has the version of the copy, but other data",
			append(place(one.Key), slog.Int64("version", one.Version), slog.String("code", CopyConflict))...)
	}
	for _, key := range change.ended {
		c.log.LogAttrs(ctx, slog.LevelInfo, "a copy no longer differs from the last event of its version", place(key)...)
	}
}

// conflictProblems returns one sentence for each topic with open conflicts. The partitions are sorted by topic.
func conflictProblems(partitions []PartitionState) []string {
	var topics []string
	open := map[string]int64{}
	for _, p := range partitions {
		if p.Conflicts > 0 && open[p.Topic] == 0 {
			topics = append(topics, p.Topic)
		}
		open[p.Topic] += p.Conflicts
	}
	problems := make([]string, len(topics))
	for i, topic := range topics {
		problems[i] = fmt.Sprintf(`%s: %s: copies that differ from the last event of their version: %d. "copy conflicts" lists them. `+
			"See docs/operations.md, section %[2]s.", topic, CopyConflict, open[topic])
	}
	return problems
}

// setConflicts stores how many conflicts of the partition are open. The consumer's mutex is locked.
func (p *partition) setConflicts(open int64) { p.conflicts, p.mayHaveConflicts = open, open > 0 }

// countConflicts updates the numbers of open conflicts that State shows: a replay in another process may have changed them.
// A number may be older than a batch that was committed meanwhile, and the next look corrects it. So it never clears
// mayHaveConflicts.
func (c *Consumer[T]) countConflicts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	rows, err := messagingdb.New(c.pool).CountConflicts(ctx)
	if err != nil {
		return // the database is away: the batches show it
	}
	open := make(map[broker.TopicPartition]int64, len(rows))
	for _, r := range rows {
		open[broker.TopicPartition{Topic: r.Topic, Partition: int(r.Part)}] = r.Open
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, p := range c.partitions {
		p.conflicts = open[tp]
		p.mayHaveConflicts = p.mayHaveConflicts || p.conflicts > 0
	}
}
