package broker

import (
	"context"
	"fmt"
)

// HaltCode names the kind of a halt.
type HaltCode string

// The reasons for which a partition is not read until an operator decides.
const (
	// HaltTopicRecreated: the topic has another id than the position. The halt ends when a command changes the position, or
	// when the topic has the position's id again.
	HaltTopicRecreated HaltCode = "topic_recreated"
	// HaltLogTruncated: the log does not have, or no longer has, what was read before the position. The halt ends when a
	// command changes the position, or when the topic's id and the leader epoch prove that the log has the position.
	HaltLogTruncated HaltCode = "log_truncated"
	// HaltRecordsDeleted: the log starts after the position.
	HaltRecordsDeleted HaltCode = "records_deleted"
	// HaltLogUnreadable: a batch cannot be decoded.
	HaltLogUnreadable HaltCode = "log_unreadable"
)

// HaltError is how a PartitionHandler halts a partition. The halt ends when Position returns a position.
type HaltError struct {
	Code   HaltCode
	Reason string
}

// Error implements error.
func (e *HaltError) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Reason) }

// halt is why a partition is not read.
type halt struct {
	code     HaltCode
	reason   string
	position Position // the stored one, when the halt began
}

// H30 recreated topic: a topic is deleted and created again, and grows past the consumer's position. The consumer would read on
// and miss the records before it. H31 truncated log: the same after an unclean election.
//
// logCheck compares a stored position with the log. It uses what identifies the log, and not only offsets: a log that was
// created again, or that lost its end, soon has the same offsets again, with other records.
type logCheck struct {
	client   *Client
	tp       TopicPartition
	log      logIdentity // of the log as it is now
	start    int64       // the log's start
	position Position
	end      int64 // the log's end; set by run

	sameTopic bool // the topic certainly is the one that was read
	sameEpoch bool // the leader knows the position's leader epoch, and the epoch does not end before the position
}

// run returns why the position does not fit the log, or nil. It returns an error if that cannot be found out now.
func (c *logCheck) run(ctx context.Context) (*halt, error) {
	if c.position.TopicID.differsFrom(c.log.topicID) {
		return c.halt(HaltTopicRecreated, "the stored position belongs to the topic with the id %s, but the topic now has the id "+
			"%s: the topic was created again, or this is another cluster. %s, or go back to the other topic",
			c.position.TopicID, c.log.topicID, rereadAdvice(c.start)), nil
	}
	c.sameTopic = !c.position.TopicID.IsZero() && c.position.TopicID == c.log.topicID
	if h, err := c.compareEpoch(ctx); h != nil || err != nil {
		return h, err
	}
	return c.compareOffsets(ctx)
}

// compareEpoch asks the leader where the epoch of the last batch that was read ends (KIP-320). If the log was truncated by
// an unclean election, it ends before the position.
func (c *logCheck) compareEpoch(ctx context.Context) (*halt, error) {
	if c.position.LeaderEpoch < 0 || c.log.leaderEpoch < 0 {
		return nil, nil //nolint:nilnil // no halt
	}
	end, err := c.client.endOfEpoch(ctx, c.tp, c.log.leaderEpoch, c.position.LeaderEpoch)
	switch {
	case err != nil:
		return nil, err
	case end.known && end.offset < c.position.Offset:
		return c.halt(HaltLogTruncated, "the log was truncated: leader epoch %d ends at offset %d, before the stored position %d. "+
			"Other records may have taken the place of those that were applied. %s, or set the position to %d if the copy has "+
			"nothing that the log has lost", c.position.LeaderEpoch, end.offset, c.position.Offset, rereadAdvice(c.start),
			end.offset), nil
	case !end.known && c.position.LeaderEpoch > c.log.leaderEpoch:
		return c.halt(HaltLogTruncated, "the log was truncated or replaced: the stored position %d was read in leader epoch %d, "+
			"but the log is only in epoch %d. %s", c.position.Offset, c.position.LeaderEpoch, c.log.leaderEpoch,
			rereadAdvice(c.start)), nil
	}
	c.sameEpoch = end.known
	return nil, nil //nolint:nilnil // no halt
}

func (c *logCheck) compareOffsets(ctx context.Context) (h *halt, err error) {
	if c.position.Offset < c.start {
		return c.halt(HaltRecordsDeleted, "the stored position %d is before the log's start %d: records were deleted before they "+
			"were applied. %s, or set the position to %[2]d if nothing is missed", c.position.Offset, c.start,
			rereadAdvice(c.start)), nil
	}
	if c.end, err = c.client.EndOffset(ctx, c.tp); err != nil || c.position.Offset <= c.end {
		return nil, err
	}
	// Schedule: a new leader does not yet know up to where all replicas have the log, and reports an earlier end for a moment.
	last, err := c.client.endOfEpoch(ctx, c.tp, c.log.leaderEpoch, c.log.leaderEpoch)
	switch {
	case err != nil:
		return nil, err
	case last.known && c.position.Offset <= last.offset:
		return nil, fmt.Errorf("the stored position %d is beyond offset %d, up to which all replicas have the log: waiting for them",
			c.position.Offset, c.end)
	}
	return c.halt(HaltLogTruncated, "the stored position %d is beyond the log's end %d: the topic was created again or has lost "+
		"records. %s, or restore the topic", c.position.Offset, c.end, rereadAdvice(c.start)), nil
}

// storeEpoch stores the log's leader epoch with a position that fits the log but has no epoch, and returns the position's
// epoch. Before that, the leader confirms that it leads in this epoch, and that its log reaches the position.
func (c *logCheck) storeEpoch(ctx, handling context.Context, store EpochStore) (int32, error) {
	if c.position.LeaderEpoch >= 0 || c.log.leaderEpoch < 0 || !c.sameTopic {
		return c.position.LeaderEpoch, nil
	}
	end, err := c.client.endOfEpoch(ctx, c.tp, c.log.leaderEpoch, c.log.leaderEpoch)
	if err != nil || !end.known || end.offset < c.position.Offset {
		return unknownEpoch, err
	}
	at := c.position
	at.LeaderEpoch = c.log.leaderEpoch
	if err := store.StoreEpoch(handling, c.tp, at); err != nil {
		return unknownEpoch, fmt.Errorf("store the leader epoch: %w", err)
	}
	return at.LeaderEpoch, nil
}

func (c *logCheck) halt(code HaltCode, format string, args ...any) *halt {
	return &halt{code: code, reason: fmt.Sprintf(format, args...), position: c.position}
}

// ends reports whether an earlier halt of the partition ends, although run finds no fault. A log that grows past the position
// again is no reason: offsets that happen to fit prove nothing.
func (c *logCheck) ends(h halt) bool {
	// The first start after an upgrade stores the topic's id in a position that had none.
	trusted := h.position
	if trusted.TopicID.IsZero() {
		trusted.TopicID = c.position.TopicID
	}
	switch {
	case c.position != trusted:
		return true
	case h.code == HaltTopicRecreated:
		return c.sameTopic
	case h.code == HaltLogTruncated:
		return c.sameTopic && c.sameEpoch
	}
	return true
}

// rereadAdvice tells an operator how to repair a copy from the log. The copy's rows must stay. Their versions make the
// handler ignore old events, so that a service does not react to them a second time.
func rereadAdvice(start int64) string {
	return fmt.Sprintf("To read the log again, set the position to %d and leave the copy as it is", start)
}
