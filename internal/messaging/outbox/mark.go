package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// markSettings are the settings that make a mark, or a lease, survive a crash of the database. The schedule: version 3 is
// acknowledged and marked, so the relay forgets it. Version 4 is in flight. The database crashes and comes back without
// the mark. The relay, which did not crash, finds version 3 pending and sends it after version 4. A lease that is lost would
// be given out again, with an epoch that was used.
func markSettings() map[string]string { return map[string]string{"synchronous_commit": "on"} }

const (
	markRows    = 10_000 // most rows in one mark
	markTimeout = 30 * time.Second
)

// markState decides when the relay marks rows. At most one mark runs at a time.
type markState struct {
	db        *dbConn
	running   bool
	startedAt time.Time // when the last mark began
	retryAt   time.Time
	failures  int
}

// markJob is the part of one lane in a mark.
type markJob struct {
	lane      *lane
	rows      []*row
	blocked   []refusal
	stillOurs bool // the mark found the lease still held by this instance
}

// end returns the offset after the last of the rows, which are in the order of the log; 0 if there are none.
func (j *markJob) end() int64 {
	if len(j.rows) == 0 {
		return 0
	}
	return j.rows[len(j.rows)-1].offset + 1
}

// mark deletes acknowledged rows from outbox_pending, and stores refusals.
func (c *coordinator) mark(now time.Time) {
	m := &c.marks
	if m.running {
		return
	}
	if now.Before(m.retryAt) {
		c.tickAt(m.retryAt)
		return
	}
	count, urgent := 0, false
	for _, l := range c.lanes {
		count += l.toMark()
		urgent = urgent || len(l.blocked) > 0 || l.phase == phaseDraining
	}
	if count == 0 {
		return
	}
	if rested := m.startedAt.Add(c.cfg.MarkRest); !urgent && count < c.cfg.ClaimRows/4 && now.Before(rested) {
		c.tickAt(rested)
		return
	}
	jobs := c.takeMarkJobs()
	m.running, m.startedAt = true, now
	runInBackground(c, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, markTimeout)
		defer cancel()
		return c.storeMarks(ctx, jobs)
	}, func(err error) {
		m.running = false
		c.metrics.stage.WithLabelValues("mark").Observe(time.Since(now).Seconds())
		if errors.Is(err, errReconnected) {
			c.recheckLanes("a connection to the database was opened again", c.cfg.Topics...)
		} else {
			c.report("mark", err)
		}
		if err != nil {
			m.failures++
			m.retryAt = time.Now().Add(backoff(m.failures, c.cfg.RetryMin, c.cfg.RetryMax))
		} else {
			m.failures = 0
		}
		for _, j := range jobs {
			c.finishMark(j, err)
		}
	})
}

// takeMarkJobs takes the rows to mark and the refusals to store out of the lanes.
func (c *coordinator) takeMarkJobs() (jobs []*markJob) {
	room := markRows
	for _, l := range c.lanes {
		if l.toMark() == 0 {
			continue
		}
		n := min(len(l.acked), room)
		if n == 0 && len(l.blocked) == 0 {
			continue
		}
		jobs = append(jobs, &markJob{lane: l, rows: slices.Clone(l.acked[:n]), blocked: l.blocked})
		l.markingRows = n + len(l.blocked)
		l.acked, l.blocked = slices.Delete(l.acked, 0, n), nil
		room -= n
	}
	return jobs
}

// storeMarks writes the jobs to the database. It may be repeated after a failure.
func (c *coordinator) storeMarks(ctx context.Context, jobs []*markJob) error {
	q, err := c.marks.db.queriesUnlessReconnected(ctx)
	if err != nil {
		return err
	}
	p := messagingdb.MarkSentParams{Owner: c.id}
	for _, j := range jobs {
		n := addShard(&p, j.lane.lease(), j.end())
		addBatches(&p, n, j.rows)
		for _, r := range j.rows {
			p.RowNumbers, p.Seqs = append(p.RowNumbers, n), append(p.Seqs, r.seq)
			if r.wasBlocked {
				p.FreeNumbers, p.FreeKeys = append(p.FreeNumbers, n), append(p.FreeKeys, r.key)
			}
		}
	}
	ours, err := q.MarkSent(ctx, p)
	if err != nil {
		return fmt.Errorf("mark events as sent: %w", err)
	}
	for i, j := range jobs {
		if j.stillOurs = slices.Contains(ours, int32(i+1)); !j.stillOurs {
			continue
		}
		for _, b := range j.blocked {
			if err := q.BlockAggregate(ctx, messagingdb.BlockAggregateParams{Topic: j.lane.tp.Topic, Key: b.key, LastError: b.reason,
				FirstWait: c.cfg.BlockMin, MaxWait: c.cfg.BlockMax}); err != nil {
				return fmt.Errorf("store an aggregate whose event was refused: %w", err)
			}
		}
	}
	return nil
}

// addBatches tells a mark where Kafka has the rows of shard n, which are added next. Rows that were acknowledged together have
// consecutive offsets, and are one batch.
func addBatches(p *messagingdb.MarkSentParams, n int32, rows []*row) {
	for from := 0; from < len(rows); {
		first := rows[from]
		to, low, high := from, first.seq, first.seq
		for ; to < len(rows) && rows[to].ackedAt.Equal(first.ackedAt) && rows[to].offset == first.offset+int64(to-from); to++ {
			low, high = min(low, rows[to].seq), max(high, rows[to].seq)
		}
		p.BatchNumbers, p.BatchStarts, p.BatchCounts = append(p.BatchNumbers, n), append(p.BatchStarts, int32(len(p.Seqs)+from+1)), append(p.BatchCounts, int32(to-from))
		p.BatchOffsets, p.BatchFirstSeqs, p.BatchLastSeqs = append(p.BatchOffsets, first.offset), append(p.BatchFirstSeqs, low), append(p.BatchLastSeqs, high)
		p.BatchAges = append(p.BatchAges, time.Since(first.ackedAt).Microseconds())
		from = to
	}
}

// addShard adds a shard to a mark, and returns its number there. end is the offset up to which everything of it is then
// marked; 0 leaves the stored one.
func addShard(p *messagingdb.MarkSentParams, l lease, end int64) (n int32) {
	p.Topics, p.Shards = append(p.Topics, l.tp.Topic), append(p.Shards, int16(l.tp.Partition))
	p.Epochs, p.Ends = append(p.Epochs, l.epoch), append(p.Ends, end)
	return int32(len(p.Topics))
}

// finishMark updates the lane after a mark.
func (c *coordinator) finishMark(j *markJob, err error) {
	l := j.lane
	l.markingRows = 0
	switch {
	case l.phase == phaseLost:
	case err != nil: // the rows may be marked or not; mark them again
		l.acked = append(j.rows, l.acked...)
		l.blocked = append(j.blocked, l.blocked...)
	case !j.stillOurs:
		l.lose()
	default:
		l.rowCount -= len(j.rows)
		l.settle(j.rows, c.claims.running)
		for _, b := range j.blocked {
			l.settle(b.rows, c.claims.running)
		}
	}
}
