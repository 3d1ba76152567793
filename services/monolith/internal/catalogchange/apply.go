package catalogchange

import (
	"context"

	"github.com/google/uuid"
)

// Decision is a message of the owner about a request.
type Decision struct {
	Request uuid.UUID
	Kind    Kind
	Version int64    // of the entry, if the request was accepted or changed nothing
	Problem *Problem // if the request was refused
}

// OutcomeTx is the storage in the transaction that applies decisions.
type OutcomeTx interface {
	// Finish records the decisions. The first final decision about a request stays. Unreadable finishes no request. Decisions
	// about other requests change nothing.
	Finish(ctx context.Context, decisions []Decision) error
}

// Apply applies decisions in the order of their topic. They may come repeatedly, and late.
func Apply(ctx context.Context, tx OutcomeTx, decisions []Decision) error {
	if len(decisions) == 0 {
		return nil
	}
	return tx.Finish(ctx, decisions)
}
