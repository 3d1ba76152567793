package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/strictjson"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// DeadLetter is an event that could not be applied. Its texts are safe on a terminal: unprintable characters are escaped.
type DeadLetter struct {
	ID        int64      `json:"id"`
	Topic     string     `json:"topic"`
	TopicID   string     `json:"topic_id"` // in Kafka's form; "" if it is not known
	Partition int        `json:"partition"`
	Offset    int64      `json:"offset"`
	Key       string     `json:"key"`
	Version   *int64     `json:"version"`  // null if it could not be read
	EventID   *string    `json:"event_id"` // null if it could not be read
	Code      string     `json:"code"`     // the class of the failure, as in "undecodable" or "sqlstate-22001"
	Reason    string     `json:"reason"`
	State     string     `json:"state"` // open, replayed, superseded or discarded
	Attempts  int        `json:"attempts"`
	CreatedAt time.Time  `json:"created_at"`
	ClosedAt  *time.Time `json:"closed_at"`
	ClosedBy  *string    `json:"closed_by"`
	Note      *string    `json:"note"`
}

// DeadLetterDetail is a dead letter with its message: as escaped text, and as the bytes that were received.
type DeadLetterDetail struct {
	DeadLetter
	Value    *string            `json:"value"` // null for a purge
	RawKey   []byte             `json:"raw_key"`
	RawValue []byte             `json:"raw_value"`
	Headers  []DeadLetterHeader `json:"headers"`
}

// DeadLetterHeader is a header of a dead letter's message.
type DeadLetterHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// DeadLetterFilter selects dead letters. Zero values do not filter.
type DeadLetterFilter struct {
	State string
	Topic string
	Code  string
	Key   string
	Since time.Time // only those that were stored at this time or later
	After int64     // only those with a higher id; the last id of the previous page
	Limit int       // 100 by default, 1000 at most
}

func (f DeadLetterFilter) params() messagingdb.ListDeadLettersParams {
	p := messagingdb.ListDeadLettersParams{After: f.After, Most: int32(min(f.Limit, 1000))}
	for to, text := range map[**string]string{&p.State: f.State, &p.Topic: f.Topic, &p.Code: f.Code} {
		if text != "" {
			*to = &text
		}
	}
	if f.Key != "" {
		p.Key = []byte(f.Key)
	}
	if !f.Since.IsZero() {
		p.Since = &f.Since
	}
	return p
}

func errNotFound(id int64) error {
	return &Error{Code: CodeNotFound, Detail: fmt.Sprintf("there is no dead letter %d", id)}
}

// ListDeadLetters returns dead letters sorted by id, the oldest first.
func ListDeadLetters(ctx context.Context, pool *pgxpool.Pool, f DeadLetterFilter) ([]DeadLetter, error) {
	switch f.State {
	case "", Open, Replayed, Superseded, Discarded:
	default:
		return nil, &Error{Code: CodeInvalid, Detail: "the state is open, replayed, superseded or discarded"}
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	rows, err := messagingdb.New(pool).ListDeadLetters(ctx, f.params())
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	letters := make([]DeadLetter, len(rows))
	for i, r := range rows {
		letters[i] = DeadLetter{
			ID: r.ID, Topic: r.Topic, TopicID: textOf(broker.TopicID(r.TopicID)), Partition: int(r.Part), Offset: r.Offset,
			Key:     escapeUnprintable(string(r.Key), ""),
			Version: r.Version, EventID: escapeOrNil(r.EventID), Code: r.Code, Reason: r.Reason, State: r.State,
			Attempts: int(r.Attempts), CreatedAt: r.CreatedAt.UTC(), ClosedAt: utc(r.ClosedAt), ClosedBy: r.ClosedBy,
			Note: r.Note,
		}
	}
	return letters, nil
}

// CountDeadLetters returns how many dead letters the filter selects. Its Limit is ignored.
func CountDeadLetters(ctx context.Context, pool *pgxpool.Pool, f DeadLetterFilter) (int, error) {
	p := f.params()
	n, err := messagingdb.New(pool).CountDeadLetters(ctx, messagingdb.CountDeadLettersParams{
		After: p.After, State: p.State, Topic: p.Topic, Code: p.Code, Key: p.Key, Since: p.Since,
	})
	if err != nil {
		return 0, fmt.Errorf("count the dead letters: %w", err)
	}
	return int(n), nil
}

// DeadLetterKind is a kind of failure of a topic, with the open dead letters that have it.
type DeadLetterKind struct {
	Topic, Code    string
	Open           int64
	Oldest, Newest time.Time // when they were stored
}

// DeadLetterKinds returns the kinds of failure that open dead letters have, the most frequent first, at most limit.
func DeadLetterKinds(ctx context.Context, pool *pgxpool.Pool, limit int) ([]DeadLetterKind, error) {
	rows, err := messagingdb.New(pool).CountOpenDeadLettersByKind(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("count the dead letters by kind: %w", err)
	}
	kinds := make([]DeadLetterKind, len(rows))
	for i, r := range rows {
		kinds[i] = DeadLetterKind{Topic: r.Topic, Code: r.Code, Open: r.Open, Oldest: r.Oldest.UTC(), Newest: r.Newest.UTC()}
	}
	return kinds, nil
}

// ShowDeadLetter returns one dead letter with its message.
func ShowDeadLetter(ctx context.Context, pool *pgxpool.Pool, id int64) (DeadLetterDetail, error) {
	r, err := messagingdb.New(pool).GetDeadLetter(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return DeadLetterDetail{}, errNotFound(id)
	}
	if err != nil {
		return DeadLetterDetail{}, fmt.Errorf("read dead letter %d: %w", id, err)
	}
	d := DeadLetterDetail{DeadLetter: toDeadLetter(r), RawKey: r.Key, RawValue: r.Value, Headers: []DeadLetterHeader{}}
	if r.Value != nil {
		text := escapeUnprintable(string(r.Value), "\n\t")
		d.Value = &text
	}
	headers, err := decodeHeaders(r.Headers)
	if err != nil {
		return DeadLetterDetail{}, fmt.Errorf("dead letter %d: %w", id, err)
	}
	for _, h := range headers {
		d.Headers = append(d.Headers, DeadLetterHeader{escapeUnprintable(h.Key, ""), escapeUnprintable(string(h.Value), "")})
	}
	return d, nil
}

// lockOpenLetter locks an open dead letter, so that it cannot be closed twice.
func lockOpenLetter(ctx context.Context, tx pgx.Tx, id int64) (messagingdb.DeadLetter, error) {
	r, err := messagingdb.New(tx).LockDeadLetter(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return r, errNotFound(id)
	case err != nil:
		return r, fmt.Errorf("lock dead letter %d: %w", id, err)
	case r.State != Open:
		return r, &Error{Code: CodeClosed, Detail: fmt.Sprintf("dead letter %d is already %s", id, r.State)}
	}
	return r, nil
}

func closeLetter(
	ctx context.Context, tx pgx.Tx, id int64, state, by, note string, tries int32,
) (DeadLetter, error) {
	params := messagingdb.CloseDeadLetterParams{ID: id, State: state, ClosedBy: &by, Tries: tries}
	if note != "" {
		params.Note = &note
	}
	q := messagingdb.New(tx)
	if err := q.CloseDeadLetter(ctx, params); err != nil {
		return DeadLetter{}, fmt.Errorf("close dead letter %d: %w", id, err)
	}
	r, err := q.GetDeadLetter(ctx, id)
	return toDeadLetter(r), err
}

// recordLetter records what an operator did to a dead letter.
func recordLetter(ctx context.Context, tx pgx.Tx, o audit.Operator, command string, l DeadLetter) error {
	_, err := audit.Record(ctx, tx, o, command, struct {
		ID    int64  `json:"id"`
		Topic string `json:"topic"`
		Key   string `json:"key"`
		State string `json:"state"` // afterwards: it stays open if it failed again
	}{l.ID, l.Topic, l.Key, l.State})
	return err
}

// checkOperator checks the texts that a person writes into a dead letter.
func checkOperator(o audit.Operator) error {
	if err := o.Check(false); err != nil {
		return &Error{Code: CodeInvalid, Detail: err.Error()}
	}
	return nil
}

func toDeadLetter(r messagingdb.DeadLetter) DeadLetter {
	return DeadLetter{
		ID: r.ID, Topic: r.Topic, TopicID: textOf(broker.TopicID(r.TopicID)), Partition: int(r.Part), Offset: r.Offset,
		Key:     escapeUnprintable(string(r.Key), ""),
		Version: r.Version, EventID: escapeOrNil(r.EventID), Code: r.Code, Reason: r.Reason, State: r.State,
		Attempts: int(r.Attempts), CreatedAt: r.CreatedAt.UTC(), ClosedAt: utc(r.ClosedAt), ClosedBy: r.ClosedBy,
		Note: r.Note,
	}
}

func escapeOrNil(s *string) *string {
	if s == nil {
		return nil
	}
	p := escapeUnprintable(*s, "")
	return &p
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func decodeHeaders(raw []byte) ([]storedHeader, error) {
	if raw == nil {
		return nil, nil
	}
	var headers []storedHeader
	if err := strictjson.Unmarshal(raw, &headers); err != nil {
		return nil, fmt.Errorf("read the stored headers: %w", err)
	}
	return headers, nil
}
