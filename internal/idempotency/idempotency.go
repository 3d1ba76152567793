// Package idempotency keeps the first answer to a request that carries an Idempotency-Key, in the transaction of the
// change that the answer tells of: there is an answer if and only if the change was committed.
package idempotency

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Recall decodes into first the answer that Remember kept under id in the last 24 hours, and says whether there was
// one. It fails with Invalid when that answered a request with another fingerprint, and with InProgress while another
// transaction is at work on the same id.
//
// Schedule: the same request comes twice at once. Without the lock neither would find an answer, and both would take
// effect. The second could wait for the first, but it would hold a connection meanwhile; so it is sent away.
func Recall(ctx context.Context, tx pgx.Tx, id, fingerprint [32]byte, first any) (found bool, err error) {
	q := messagingdb.New(tx)
	locked, err := q.TryLockRequest(ctx, int64(binary.BigEndian.Uint64(id[:8])))
	if err != nil {
		return false, fmt.Errorf("lock the idempotency key: %w", err)
	}
	if !locked {
		return false, apperr.New(apperr.InProgress, "The same request is being worked on.")
	}
	// A statement of its own: its snapshot is younger than the lock, so it sees what the last holder committed.
	answer, err := q.GetFirstAnswer(ctx, id[:])
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the first answer: %w", err)
	case !bytes.Equal(answer.Fingerprint, fingerprint[:]):
		return false, apperr.Coded(apperr.Invalid, "idempotency-key-reused",
			"This Idempotency-Key was used with another request.")
	}
	if err := json.Unmarshal(answer.Result, first); err != nil {
		return false, fmt.Errorf("decode the first answer: %w", err)
	}
	return true, nil
}

// Remember keeps answer under id, which Recall did not find in the same transaction.
func Remember(ctx context.Context, tx pgx.Tx, id, fingerprint [32]byte, answer any) error {
	result, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode the first answer: %w", err)
	}
	if err := messagingdb.New(tx).KeepFirstAnswer(ctx, id[:], fingerprint[:], result); err != nil {
		return fmt.Errorf("keep the first answer: %w", err)
	}
	return nil
}
