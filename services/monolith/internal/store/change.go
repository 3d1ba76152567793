package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/messages"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// Changes returns the storage of requests to change catalog entries.
func (s *Store) Changes() catalogchange.Store { return changes{s} }

// changes implements catalogchange.Store.
type changes struct{ s *Store }

func (c changes) Request(ctx context.Context, id uuid.UUID) (catalogchange.Request, error) {
	r, err := toRequest(request.Get(ctx, c.s.pool, messages.TopicCatalogEntryRequest, id))
	return r, translate(noRequest(err, id))
}

func (c changes) Target(ctx context.Context, id int64) (catalogchange.Target, error) {
	row, err := c.s.q.GetTarget(ctx, id)
	if err != nil {
		return catalogchange.Target{}, translate(orNoEntry(err, id))
	}
	return toTarget(row), nil
}

func (c changes) Copy(ctx context.Context, entry uuid.UUID) (catalogchange.Copy, error) {
	row, err := c.s.q.GetTargetOf(ctx, entry)
	if err != nil {
		return catalogchange.Copy{}, translate(fmt.Errorf("read the copy of entry %s: %w", entry, err))
	}
	return toTarget(db.GetTargetRow(row)).Copy, nil
}

func (c changes) Latest(ctx context.Context, entry uuid.UUID) (catalogchange.Request, bool, error) {
	r, found, err := foundRequest(toRequest(request.LatestOf(ctx, c.s.pool, messages.TopicCatalogEntryRequest, entry.String())))
	return r, found, translate(err)
}

// kindsOf are the outcomes at each stage of a request.
var kindsOf = map[catalogchange.Stage][]request.Kind{
	catalogchange.StagePending: {request.Pending}, catalogchange.StageDone: {request.Accepted, request.Unchanged},
	catalogchange.StageRefused: {request.Refused}, catalogchange.StageExpired: {request.Expired},
}

func (c changes) List(ctx context.Context, q catalogchange.Query) ([]catalogchange.Request, error) {
	return toRequests(request.List(ctx, c.s.pool, messages.TopicCatalogEntryRequest, request.Filter{
		Kinds: kindsOf[q.Stage], Oldest: q.Oldest, Past: q.After, Limit: q.Limit,
	}))
}

func (c changes) Creations(ctx context.Context, since time.Time, limit int) ([]catalogchange.Request, error) {
	return toRequests(request.ListNew(ctx, c.s.pool, messages.TopicCatalogEntryRequest, since, limit))
}

func toRequests(sent []request.Sent, err error) ([]catalogchange.Request, error) {
	if err != nil {
		return nil, translate(err)
	}
	list := make([]catalogchange.Request, len(sent))
	for i, one := range sent {
		if list[i], err = toRequest(one, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (c changes) Count(ctx context.Context, most int) (map[catalogchange.Stage]int, error) {
	kinds := slices.Concat(slices.Collect(maps.Values(kindsOf))...)
	found, err := request.Count(ctx, c.s.pool, messages.TopicCatalogEntryRequest, kinds, most)
	if err != nil {
		return nil, translate(err)
	}
	counts := map[catalogchange.Stage]int{}
	for stage, of := range kindsOf {
		for _, kind := range of {
			counts[stage] = min(most, counts[stage]+found[kind])
		}
	}
	return counts, nil
}

func (c changes) InTx(ctx context.Context, f func(catalogchange.Tx) error) error {
	sent := false
	err := postgres.InTx(ctx, c.s.pool, func(tx pgx.Tx) error {
		t := &changeTx{tx: tx, q: db.New(tx), keys: c.s.keys, encode: c.s.encode.Change}
		err := f(t)
		sent = t.sent
		return err
	})
	if err != nil {
		return translate(err)
	}
	if sent {
		c.s.wake()
	}
	return nil
}

// changeTx is one transaction that sends a request.
type changeTx struct {
	tx     pgx.Tx
	q      *db.Queries
	keys   idempotency.Keys
	encode func(catalogchange.Request) (event.Message, error)
	sent   bool
}

func (t *changeTx) Recall(ctx context.Context, once condition.Once) (catalogchange.Request, bool, error) {
	s, err := request.Recall(ctx, t.tx, request.Once(once))
	if errors.Is(err, request.ErrReused) {
		return catalogchange.Request{}, false, apperr.Coded(apperr.Invalid, "idempotency-key-reused",
			"This Idempotency-Key was used with another request.")
	}
	if errors.Is(err, request.ErrUnknown) {
		return catalogchange.Request{}, false, t.keys.Room(ctx, t.tx)
	}
	return foundRequest(toRequest(s, err))
}

func (t *changeTx) References(ctx context.Context, product, market int64) (catalogchange.References, error) {
	row, err := t.q.GetReferences(ctx, product, market)
	if err != nil {
		return catalogchange.References{}, fmt.Errorf("read product %d and market %d: %w", product, market, err)
	}
	return catalogchange.References{Product: row.ProductUUID, ProductVersion: orZero(row.Version), Market: row.ISOCode}, nil
}

func (t *changeTx) Target(ctx context.Context, id int64) (catalogchange.Target, error) {
	row, err := t.q.GetTarget(ctx, id)
	if err != nil {
		return catalogchange.Target{}, orNoEntry(err, id)
	}
	return toTarget(row), nil
}

func (t *changeTx) Request(ctx context.Context, id uuid.UUID) (catalogchange.Request, error) {
	r, err := toRequest(request.Get(ctx, t.tx, messages.TopicCatalogEntryRequest, id))
	return r, noRequest(err, id)
}

func (t *changeTx) ProductVersion(ctx context.Context, product uuid.UUID) (int64, error) {
	version, err := t.q.GetProductVersion(ctx, product)
	if err != nil {
		return 0, fmt.Errorf("read the version of product %s: %w", product, err)
	}
	return version, nil
}

func (t *changeTx) NextNumber(ctx context.Context, product uuid.UUID) (int64, error) {
	return request.NextNumber(ctx, t.tx, messages.TopicCatalogEntryRequest, product.String())
}

func (t *changeTx) Latest(ctx context.Context, entry uuid.UUID) (catalogchange.Request, bool, error) {
	return foundRequest(toRequest(request.LatestOf(ctx, t.tx, messages.TopicCatalogEntryRequest, entry.String())))
}

func (t *changeTx) AllotID(ctx context.Context, entry uuid.UUID) (int64, error) {
	id, err := t.q.AllotEntryID(ctx, entry)
	if err != nil {
		return 0, fmt.Errorf("number entry %s: %w", entry, err)
	}
	return id, nil
}

func (t *changeTx) Send(ctx context.Context, r catalogchange.Request, once *condition.Once) error {
	m, err := t.encode(r)
	if err != nil {
		return err
	}
	body, err := json.Marshal(fromRequest(r))
	if err != nil {
		return fmt.Errorf("encode request %s: %w", r.ID, err)
	}
	t.sent = true
	return translateAppend(request.Send(ctx, t.tx, request.Sent{
		ID: m.ID, Topic: m.Topic, Key: m.Key, Number: m.Version, Subject: r.Entry.String(), Body: body, Caller: caller.Account(ctx),
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
	}, (*request.Once)(once), m))
}

// Finish implements catalogchange.OutcomeTx.
func (t *EventTx) Finish(ctx context.Context, decisions []catalogchange.Decision) error {
	list := make([]request.Decision, len(decisions))
	for i, d := range decisions {
		result, err := json.Marshal(fromDecision(d))
		if err != nil {
			return fmt.Errorf("encode the outcome of request %s: %w", d.Request, err)
		}
		list[i] = request.Decision{Request: d.Request, Kind: request.Kind(d.Kind), Result: result}
	}
	finished, err := request.Finish(ctx, t.tx, list)
	t.finished = append(t.finished, finished...)
	return err
}

// Finished returns the requests that this transaction has finished.
func (t *EventTx) Finished() []request.Finished { return t.finished }

func toTarget(row db.GetTargetRow) catalogchange.Target {
	target := catalogchange.Target{
		Entry: row.EntryID, Copy: catalogchange.Copy{Version: orZero(row.Version), Deleted: orZero(row.Deleted)},
	}
	if target.Copy.Version == 0 || target.Copy.Deleted || row.Product == nil || row.Market == nil {
		return target
	}
	target.Product, target.ProductVersion = orZero(row.ProductUUID), orZero(row.ProductVersion)
	target.Copy.Shown = &catalogcopy.Entry{
		ID: row.ID, Product: *row.Product, Market: *row.Market, Start: row.AvailabilityDate, End: row.AvailabilityEndDate,
		Version: target.Copy.Version, UpdatedAt: orZero(row.UpdatedAt).UTC(),
	}
	return target
}

// orNoEntry is err, or the error for an id that has no entry.
func orNoEntry(err error, id int64) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return noEntry(id)
	}
	return fmt.Errorf("read catalog entry %d: %w", id, err)
}

func noRequest(err error, id uuid.UUID) error {
	if errors.Is(err, request.ErrUnknown) {
		return apperr.New(apperr.NotFound, fmt.Sprintf("There is no request %s.", id))
	}
	return err
}

func foundRequest(r catalogchange.Request, err error) (catalogchange.Request, bool, error) {
	if errors.Is(err, request.ErrUnknown) {
		return catalogchange.Request{}, false, nil
	}
	return r, err == nil, err
}
