package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// The states of a dead letter.
const (
	Open       = "open"
	Replayed   = "replayed"
	Superseded = "superseded" // a newer version of the aggregate was applied
	Discarded  = "discarded"
)

// closedBySystem is the name in closed_by if no person closed the dead letter.
const closedBySystem = "system"

// updateDeadLetters stores the batch's dead letters, and closes older ones that its events supersede. It returns the value
// of partition.mayHaveDeadLetters for after the commit, and the transactions that functions of Config.DeadLettered used.
func (c *Consumer[T]) updateDeadLetters(
	ctx context.Context, p *partition, tx pgx.Tx, b batch,
) (open bool, used []T, err error) {
	c.mu.Lock()
	open = p.mayHaveDeadLetters
	c.mu.Unlock()
	for _, it := range b.items {
		if it.err == nil {
			continue
		}
		told, err := c.storeDeadLetter(ctx, tx, it)
		if err != nil {
			return false, nil, fmt.Errorf("store a dead letter: %w", err)
		}
		open, used = true, append(used, told...)
	}
	if !open {
		return false, used, nil
	}
	closed, err := c.supersedeDeadLetters(ctx, tx, b.tp.Topic, b.items)
	if err != nil {
		return false, nil, fmt.Errorf("supersede dead letters: %w", err)
	}
	if closed == 0 {
		return true, used, nil
	}
	if open, err = messagingdb.New(tx).HasOpenDeadLetters(ctx, b.tp.Topic, int32(b.tp.Partition)); err != nil {
		return false, nil, fmt.Errorf("look for dead letters: %w", err)
	}
	return open, used, nil
}

// supersedeDeadLetters closes the dead letters that the items supersede, and returns how many. An event of a type that the
// handler ignores supersedes nothing. So the version of the copy counts, if Config.Versions can read it. In a queue topic
// each message has to be decided about, so nothing supersedes a dead letter.
func (c *Consumer[T]) supersedeDeadLetters(ctx context.Context, tx pgx.Tx, topic string, items []item) (closed int64, err error) {
	if c.cfg.Queues[topic] {
		return 0, nil
	}
	versions := newestVersions(items)
	keys := make([][]byte, 0, len(versions))
	for key := range versions {
		keys = append(keys, []byte(key))
	}
	q := messagingdb.New(tx)
	if keys, err = q.KeysWithOpenDeadLetters(ctx, topic, keys); err != nil || len(keys) == 0 {
		return 0, err
	}
	reached := make([]int64, len(keys))
	for i, key := range keys {
		reached[i] = versions[string(key)]
		if c.cfg.Versions[topic] == nil || reached[i] == purgedVersion {
			continue
		}
		if reached[i], err = c.copyVersion(ctx, tx, Event{Topic: topic, Key: string(key)}); err != nil {
			return 0, err
		}
	}
	return q.SupersedeDeadLetters(ctx, topic, keys, reached)
}

// purgedVersion is higher than every version. After a purge, every dead letter of the key is superseded.
const purgedVersion = math.MaxInt64

// newestVersions returns the highest applied version of each key; purgedVersion for a purge.
func newestVersions(items []item) map[string]int64 {
	versions := make(map[string]int64, len(items))
	for _, it := range items {
		switch key := string(it.record.Key); {
		case it.err != nil:
		case it.event.Purge:
			versions[key] = purgedVersion
		default:
			versions[key] = max(versions[key], it.event.Version)
		}
	}
	return versions
}

// storeDeadLetter stores an item, and tells the service if the dead letter is open.
func (c *Consumer[T]) storeDeadLetter(ctx context.Context, tx pgx.Tx, it item) (used []T, err error) {
	open, err := c.insertDeadLetter(ctx, tx, it)
	if err != nil || !open {
		return nil, err
	}
	return c.tellDeadLettered(ctx, tx, it)
}

// insertDeadLetter stores an item with its raw bytes, and reports whether the dead letter is open. An item that is not newer
// than its copy is closed at once (H11 stale dead letter). After a time-out the copy is not read: its row may still be locked.
func (c *Consumer[T]) insertDeadLetter(ctx context.Context, tx pgx.Tx, it item) (open bool, err error) {
	code, _ := c.poisonCode(it.err)
	letter, err := newLetter(it, code)
	if err != nil {
		return false, err
	}
	if letter.Version != nil && code != codeTimeout {
		copied, err := c.copyVersion(ctx, tx, it.event)
		if err != nil {
			return false, err
		}
		if copied >= it.event.Version {
			by, note := closedBySystem, "the copy already had version "+strconv.FormatInt(copied, 10)
			letter.State, letter.ClosedBy, letter.Note = Superseded, &by, &note
		}
	}
	_, err = messagingdb.New(tx).InsertDeadLetter(ctx, letter)
	return letter.State == Open, err
}

// newLetter returns the row of an open dead letter.
func newLetter(it item, code string) (messagingdb.InsertDeadLetterParams, error) {
	headers, err := encodeHeaders(it.record.Headers)
	if err != nil {
		return messagingdb.InsertDeadLetterParams{}, err
	}
	letter := messagingdb.InsertDeadLetterParams{
		Topic: it.event.Topic, TopicID: it.event.TopicID.UUID(), Part: int32(it.event.Partition), At: it.event.Offset,
		Key: it.record.Key, Value: it.record.Value, Headers: headers,
		Code: code, Reason: deadLetterReason(it.err), State: Open,
	}
	if it.event.ID != "" {
		letter.EventID = &it.event.ID
	}
	if it.event.Version > 0 {
		letter.Version = &it.event.Version
	}
	return letter, nil
}

// tellDeadLettered calls the topic's function of Config.DeadLettered. It returns the transaction that the function used, if
// its effects are kept.
func (c *Consumer[T]) tellDeadLettered(ctx context.Context, tx pgx.Tx, it item) (used []T, err error) {
	tell := c.cfg.DeadLettered[it.event.Topic]
	if tell == nil {
		return nil, nil
	}
	serviceTx, failed, err := c.inSavepoint(ctx, tx, func(tx T) error {
		return tell(ctx, tx, it.event, deadLetterReason(it.err))
	})
	if err != nil {
		return nil, fmt.Errorf("tell the service: %w", err)
	}
	if failed != nil {
		c.log.LogAttrs(ctx, slog.LevelError, "a dead letter is stored, but the service could not handle it",
			slog.String("topic", it.event.Topic), slog.Int("partition", it.event.Partition), slog.Int64("offset", it.event.Offset),
			slog.String("reason", deadLetterReason(failed)))
		return nil, nil
	}
	return []T{serviceTx}, nil
}

// copyVersion asks the service for the version of the event's copy. It returns 0 if the service cannot tell. The question
// may fail for the same reason as the event, for example because the key is not an id. A savepoint keeps the transaction
// usable then.
func (c *Consumer[T]) copyVersion(ctx context.Context, tx pgx.Tx, e Event) (version int64, err error) {
	versionOf := c.cfg.Versions[e.Topic]
	if versionOf == nil || c.cfg.Queues[e.Topic] {
		return 0, nil
	}
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return 0, fmt.Errorf("begin a savepoint: %w", err)
	}
	err = catchPanic(func() (err error) {
		version, err = versionOf(ctx, c.cfg.Bind(savepoint), e.Key)
		return err
	})
	if err == nil {
		return version, savepoint.Commit(ctx)
	}
	if _, is := c.poisonCode(err); !is {
		return 0, fmt.Errorf("read the copy's version: %w", err)
	}
	return 0, savepoint.Rollback(ctx)
}

// storedHeader is a record's header as a dead letter stores it.
type storedHeader struct {
	Key   string `json:"key"`
	Value []byte `json:"value"` // base64 in JSON; null stays null
}

func encodeHeaders(headers []broker.Header) ([]byte, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	stored := make([]storedHeader, len(headers))
	for i, h := range headers {
		stored[i] = storedHeader(h)
	}
	return json.Marshal(stored)
}
