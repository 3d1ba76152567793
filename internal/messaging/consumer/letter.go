package consumer

import (
	"context"
	"encoding/json"
	"fmt"
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

// closedBySystem names the closer where it was no person.
const closedBySystem = "system"

// settleLetters stores the batch's dead letters and closes those that its events have made up for. It returns what
// partition.letters is to be once the transaction is committed.
func (c *Consumer[T]) settleLetters(ctx context.Context, p *partition, tx pgx.Tx, b batch) (open bool, err error) {
	c.mu.Lock()
	open = p.letters
	c.mu.Unlock()
	for _, it := range b.items {
		if it.err == nil {
			continue
		}
		if err := c.insertLetter(ctx, tx, it); err != nil {
			return false, fmt.Errorf("store a dead letter: %w", err)
		}
		open = true
	}
	if !open {
		return false, nil
	}
	keys, versions := newest(b.items)
	if len(keys) == 0 {
		return true, nil
	}
	q := messagingdb.New(tx)
	closed, err := q.SupersedeDeadLetters(ctx, b.tp.Topic, keys, versions)
	if err != nil {
		return false, fmt.Errorf("supersede dead letters: %w", err)
	}
	if closed == 0 {
		return true, nil
	}
	if open, err = q.HasOpenDeadLetters(ctx, b.tp.Topic, int32(b.tp.Partition)); err != nil {
		return false, fmt.Errorf("look for dead letters: %w", err)
	}
	return open, nil
}

// newest returns each applied key with its highest version; a purge is higher than all.
func newest(items []item) (keys [][]byte, versions []int64) {
	at := make(map[string]int, len(items))
	for _, it := range items {
		if it.err != nil {
			continue
		}
		version := it.event.Version
		if it.event.Purge {
			version = math.MaxInt64
		}
		i, known := at[it.event.Key]
		if !known {
			at[it.event.Key] = len(keys)
			keys, versions = append(keys, it.record.Key), append(versions, version)
			continue
		}
		versions[i] = max(versions[i], version)
	}
	return keys, versions
}

// insertLetter stores an item with its raw bytes. One that is not newer than its copy is closed at once (H11).
func (c *Consumer[T]) insertLetter(ctx context.Context, tx pgx.Tx, it item) error {
	code, _ := poisoned(it.err)
	headers, err := encodeHeaders(it.record.Headers)
	if err != nil {
		return err
	}
	letter := messagingdb.InsertDeadLetterParams{
		Topic: it.event.Topic, Part: int32(it.event.Partition), At: it.event.Offset,
		Key: it.record.Key, Value: it.record.Value, Headers: headers,
		Code: code, Reason: reason(it.err), State: Open,
	}
	if it.event.ID != "" {
		letter.EventID = &it.event.ID
	}
	if it.event.Version > 0 {
		letter.Version = &it.event.Version
		copied, err := c.copyVersion(ctx, tx, it.event)
		if err != nil {
			return err
		}
		if copied >= it.event.Version {
			by, note := closedBySystem, "the copy already had version "+strconv.FormatInt(copied, 10)
			letter.State, letter.ClosedBy, letter.Note = Superseded, &by, &note
		}
	}
	_, err = messagingdb.New(tx).InsertDeadLetter(ctx, letter)
	return err
}

// copyVersion asks the service for the version of the event's copy, 0 when it cannot say. The question may fail for the
// same reason as the event, a key that is no id, say: that must not cost the transaction.
func (c *Consumer[T]) copyVersion(ctx context.Context, tx pgx.Tx, e Event) (version int64, err error) {
	ask := c.cfg.Versions[e.Topic]
	if ask == nil {
		return 0, nil
	}
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return 0, fmt.Errorf("begin a savepoint: %w", err)
	}
	err = func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = &panicError{value: v}
			}
		}()
		version, err = ask(ctx, c.cfg.Bind(savepoint), e.Key)
		return err
	}()
	if err == nil {
		return version, savepoint.Commit(ctx)
	}
	if _, is := poisoned(err); !is {
		return 0, fmt.Errorf("read the copy's version: %w", err)
	}
	return 0, savepoint.Rollback(ctx)
}

// storedHeader is a record's header in a dead letter.
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
