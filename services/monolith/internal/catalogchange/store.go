package catalogchange

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// Store is the storage that this package needs.
type Store interface {
	// Request fails with NotFound if there is no such request.
	Request(ctx context.Context, id uuid.UUID) (Request, error)
	// Target fails with NotFound if no entry has ever had this id.
	Target(ctx context.Context, id int64) (Target, error)
	// Copy returns the copy of the entry. Without one, its version is 0.
	Copy(ctx context.Context, entry uuid.UUID) (Copy, error)
	// Latest returns the request about the entry that was sent last.
	Latest(ctx context.Context, entry uuid.UUID) (r Request, found bool, err error)
	// List returns requests in the order in which they were sent.
	List(ctx context.Context, q Query) ([]Request, error)
	// Count returns how many requests are at each stage, at most most of each.
	Count(ctx context.Context, most int) (map[Stage]int, error)
	// Creations returns requests to create an entry: at most limit that are pending, and then at most limit that were refused or have
	// expired since a time; of both, the newest first.
	Creations(ctx context.Context, since time.Time, limit int) ([]Request, error)
	// InTx runs f in one transaction. It may run f again from the start after a serialization failure or a deadlock. A
	// request and its message are committed together.
	InTx(ctx context.Context, f func(Tx) error) error
}

// Tx is the storage in the transaction that sends a request.
type Tx interface {
	// Recall returns the request that was sent with this Idempotency-Key. It waits while another transaction sends one. It
	// fails with Invalid if that request had another body, and with TooMany if there is none and no more keys are kept.
	Recall(ctx context.Context, once condition.Once) (r Request, found bool, err error)
	// References translates the monolith's own ids. Only products that are not deleted are known.
	References(ctx context.Context, product, market int64) (References, error)
	// Target and Request are as in Store.
	Target(ctx context.Context, id int64) (Target, error)
	Request(ctx context.Context, id uuid.UUID) (Request, error)
	// ProductVersion returns the version of a product, deleted or not.
	ProductVersion(ctx context.Context, product uuid.UUID) (int64, error)
	// NextNumber locks the product's requests until the transaction ends, and returns the number of the next one.
	NextNumber(ctx context.Context, product uuid.UUID) (int64, error)
	// Latest returns the request about the entry that was sent last.
	Latest(ctx context.Context, entry uuid.UUID) (r Request, found bool, err error)
	// AllotID gives a new entry the integer by which old integrations know it. It is never used again.
	AllotID(ctx context.Context, entry uuid.UUID) (int64, error)
	// Send stores the request and appends its message. once may be nil.
	Send(ctx context.Context, r Request, once *condition.Once) error
}

// References are a product and a market in the form that all services know.
type References struct {
	Product        *uuid.UUID // nil if it is not known
	ProductVersion int64
	Market         *string // nil if it is not known
}

// Target is the entry that a caller wants to change.
type Target struct {
	Entry uuid.UUID
	Copy  Copy
	// Product and ProductVersion are those of the copy. They are zero if the copy is not shown.
	Product        uuid.UUID
	ProductVersion int64
}

// Copy is what the copies know of an entry.
type Copy struct {
	Version int64 // 0 if no event of the entry has come
	Deleted bool
	Shown   *catalogcopy.Entry // nil if the legacy API does not show the entry
}
