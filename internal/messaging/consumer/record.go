package consumer

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// itemsOf returns the items of all jobs.
func itemsOf(jobs []*job) []item {
	if len(jobs) == 1 {
		return jobs[0].items
	}
	var all []item
	for _, j := range jobs {
		all = append(all, j.items...)
	}
	return all
}

// recordEvents stores what became of the items, for people. It is the last statement of the transaction, so that its time is that of
// the commit, as nearly as possible. No value of a record can make it fail.
func (c *Consumer[T]) recordEvents(ctx context.Context, tx pgx.Tx, items []item) error {
	if len(items) == 0 || c.unrecorded {
		return nil
	}
	var p messagingdb.RecordEventsParams
	now := c.cfg.Now()
	for i := range items {
		it := &items[i]
		p.Topics, p.TopicIds = append(p.Topics, it.event.Topic), append(p.TopicIds, it.event.TopicID.UUID())
		p.Parts, p.Offsets = append(p.Parts, int32(it.event.Partition)), append(p.Offsets, it.record.Offset)
		p.Keys, p.Versions = append(p.Keys, shortText(it.event.Key)), append(p.Versions, max(it.event.Version, 0))
		p.EventIds, p.Types = append(p.EventIds, shortText(it.event.ID)), append(p.Types, shortText(it.event.Type))
		p.Outcomes = append(p.Outcomes, string(it.outcome()))
		age := int64(0)
		if !it.record.Arrived.IsZero() {
			age = max(now.Sub(it.record.Arrived).Microseconds(), 0)
		}
		p.Ages = append(p.Ages, age)
	}
	if err := messagingdb.New(tx).RecordEvents(ctx, p); err != nil {
		return fmt.Errorf("record what became of events: %w", err)
	}
	return nil
}

// outcome returns what became of the event, for people.
func (it *item) outcome() journey.Outcome {
	switch {
	case it.err != nil:
		return journey.Dead
	case it.ignored || it.unknown:
		return journey.Ignored
	case it.event.Purge:
		return journey.Purged
	case it.comparison != NotCompared:
		return journey.Known
	}
	return journey.Applied
}

// longestText is far below the size that an entry of a btree index can have.
const longestText = 200

// shortText returns a text that PostgreSQL can store and index, or "".
func shortText(text string) string {
	if len(text) > longestText || !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return ""
	}
	return text
}
