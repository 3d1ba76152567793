// Package entryrequest decides about changes of catalog entries that others ask for by a message. The rules are those of the
// catalog's own API: a request becomes a call of the same service.
package entryrequest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// Operation is what a request asks for.
type Operation string

// The operations.
const (
	Create  Operation = "create"
	Replace Operation = "replace" // a date that is nil in the values is removed
	Patch   Operation = "patch"
	Delete  Operation = "delete"
)

// Request asks for a change of an entry.
type Request struct {
	ID        uuid.UUID
	Operation Operation
	Entry     uuid.UUID       // the id of the new entry for Create
	Product   uuid.UUID       // of the entry
	Match     condition.Match // the versions at which the entry may be changed
	Values    entry.Patch     // as the client sent them
}

// Tx is the storage in the transaction that decides about requests.
type Tx interface {
	// ShareProducts and ShareMarkets take shared locks, in the order of the ids and codes: others can share them, but not
	// change the rows. Unknown ids and codes are left out.
	ShareProducts(ctx context.Context, ids []uuid.UUID) error
	ShareMarkets(ctx context.Context, codes []string) error
	// Entries returns the storage of the entries in the same transaction.
	Entries() entry.Tx
}

// Entries makes the changes.
type Entries interface {
	CreateIn(ctx context.Context, tx entry.Tx, id uuid.UUID, d entry.Draft) (entry.Entry, error)
	PatchIn(ctx context.Context, tx entry.Tx, id uuid.UUID, p entry.Patch, match condition.Match) (e entry.Entry, changed bool, err error)
	DeleteIn(ctx context.Context, tx entry.Tx, id uuid.UUID, match condition.Match) (entry.Entry, error)
}

var _ Entries = (*entry.Service)(nil)

// Service decides about requests.
type Service struct{ entries Entries }

// NewService returns a Service that makes the changes through entries.
func NewService(entries Entries) *Service { return &Service{entries} }

// Prepare locks the products and markets of all requests, so that deciding them one after the other cannot deadlock with
// another transaction. See entry.Tx for the order of locks.
func (s *Service) Prepare(ctx context.Context, tx Tx, requests []Request) error {
	var (
		products []uuid.UUID
		markets  []string
	)
	for _, r := range requests {
		products = append(products, r.Product)
		if r.Values.Market != nil {
			markets = append(markets, *r.Values.Market)
		}
	}
	slices.SortFunc(products, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	slices.Sort(markets)
	if err := tx.ShareProducts(ctx, slices.Compact(products)); err != nil {
		return err
	}
	return tx.ShareMarkets(ctx, slices.Compact(markets))
}

// Decide makes the change that the request asks for. It returns the version of the entry afterwards, and whether the entry
// has changed. The events of the change name the request as their cause.
func (s *Service) Decide(ctx context.Context, tx Tx, r Request) (version int64, changed bool, err error) {
	entries := entry.CausedBy(tx.Entries(), r.ID)
	var e entry.Entry
	switch changed = true; r.Operation {
	case Create:
		e, err = s.entries.CreateIn(ctx, entries, r.Entry, r.draft())
	case Replace:
		e, changed, err = s.entries.PatchIn(ctx, entries, r.Entry, r.Values.Replacing(), r.Match)
	case Patch:
		e, changed, err = s.entries.PatchIn(ctx, entries, r.Entry, r.Values, r.Match)
	case Delete:
		e, err = s.entries.DeleteIn(ctx, entries, r.Entry, r.Match)
	default:
		err = fmt.Errorf("no decision about the operation %q", r.Operation)
	}
	return e.Version, changed, err
}

// draft returns the entry that a Create asks for.
func (r Request) draft() entry.Draft {
	d := r.Values.Draft()
	d.Product = r.Product
	return d
}

// Refused reports whether an error of Decide is an answer to the asker: the request breaks a rule. Every other error is a
// fault of ours, or of the moment.
func Refused(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.Malformed, apperr.Invalid, apperr.NotFound, apperr.Conflict, apperr.Stale:
		return true
	default:
		return false
	}
}

// Discarded is the refusal of a request that an operator has given up. The note is the operator's, for the asker.
func Discarded(note string) error {
	return apperr.Coded(apperr.Conflict, "change-discarded", cmp.Or(note, "An operator has discarded the request for this change."))
}
