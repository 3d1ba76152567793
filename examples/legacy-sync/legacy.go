package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// legacy is the monolith's legacy API. All requests of this program are in this file.
type legacy struct {
	client *monolithclient.Client
	retry  time.Duration // how long to try a request again while the monolith is away
	async  bool          // do not wait for outcomes, because the owner of the catalog seems to be away
}

// place is where an entry offers its product. A product has at most one entry in a market.
type place struct{ product, market int64 }

// entry is an entry of the catalog.
type entry struct {
	id int64
	dates
}

// change is a request whose outcome is not known yet.
type change = types.UUID

// markets returns the monolith's ids of all markets, by their ISO code.
func (l *legacy) markets(ctx context.Context) (map[string]int64, error) {
	return retried(ctx, l.retry, func() (map[string]int64, error) {
		ids := map[string]int64{}
		for m, err := range l.client.AllMarkets(ctx, monolithclient.ListMarketsParams{}) {
			if err != nil {
				return nil, err
			}
			ids[m.ISOCode] = m.ID
		}
		return ids, nil
	})
}

// entries returns the entries of a product, or of all products if product is nil.
func (l *legacy) entries(ctx context.Context, product *int64) (map[place]entry, error) {
	return retried(ctx, l.retry, func() (map[place]entry, error) {
		entries := map[place]entry{}
		for e, err := range l.client.AllCatalog(ctx, monolithclient.ListCatalogParams{Product: product}) {
			if err != nil {
				return nil, err
			}
			entries[place{e.Product, e.Market}] = entry{e.ID, datesOf(e)}
		}
		return entries, nil
	})
}

// read returns the dates of an entry, and its ETag. The items of a list have no ETag.
func (l *legacy) read(ctx context.Context, id int64) (d dates, etag string, err error) {
	answer, err := retried(ctx, l.retry, func() (*monolithclient.GetCatalogResponse, error) {
		return l.client.GetCatalogWithResponse(ctx, id, nil)
	})
	if err != nil {
		return dates{}, "", err
	}
	return datesOf(*answer.JSON200), answer.Headers200.ETag, nil
}

// create asks for an entry. pending is nil if the entry was created. All tries have the same key, so that a request whose
// answer was lost is not carried out twice.
func (l *legacy) create(ctx context.Context, p place, d dates) (pending *change, err error) {
	input := monolithclient.LegacyEntryInput{
		Product: p.product, Market: p.market, AvailabilityDate: toDate(d.from), AvailabilityEndDate: toDate(d.until),
	}
	key := apiclient.NewIdempotencyKey()
	answer, err := retried(ctx, l.retry, func() (*monolithclient.CreateCatalogResponse, error) {
		return l.client.CreateCatalogWithResponse(ctx, &monolithclient.CreateCatalogParams{IdempotencyKey: &key, Prefer: l.prefer()}, input)
	})
	if err != nil || answer.StatusCode() != http.StatusAccepted {
		return nil, err
	}
	return l.accepted(answer.Headers202.Location)
}

// patch asks for other dates of an entry that still has this ETag. pending is nil if they were changed.
func (l *legacy) patch(ctx context.Context, id int64, etag string, old, wanted dates) (pending *change, err error) {
	var patch monolithclient.LegacyEntryPatch
	if wanted.from != old.from {
		patch.AvailabilityDate = toDate(wanted.from)
	}
	if wanted.until != old.until {
		patch.AvailabilityEndDate = toDate(wanted.until)
	}
	key := apiclient.NewIdempotencyKey()
	answer, err := retried(ctx, l.retry, func() (*monolithclient.PatchCatalogResponse, error) {
		params := monolithclient.PatchCatalogParams{IdempotencyKey: &key, Prefer: l.prefer()}
		return l.client.PatchCatalogWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, &params, patch, apiclient.IfMatch(etag))
	})
	if err != nil || answer.StatusCode() != http.StatusAccepted {
		return nil, err
	}
	return l.accepted(answer.Headers202.Location)
}

// look returns whether a change is still pending, and when to look again. A refusal is an error, as in the answer to a write.
func (l *legacy) look(ctx context.Context, id change) (pending bool, pause time.Duration, err error) {
	answer, err := retried(ctx, l.retry, func() (*monolithclient.GetCatalogChangeResponse, error) {
		return l.client.GetCatalogChangeWithResponse(ctx, id)
	})
	if err != nil {
		return false, 0, err
	}
	return answer.JSON200.State == monolithclient.CatalogChangeStatePending, answer.RetryAfter(), answer.JSON200.Refusal()
}

// accepted returns the change that a 202 names. From now on no request waits: otherwise each one would wait in vain.
func (l *legacy) accepted(location string) (*change, error) {
	l.async = true
	id, err := monolithclient.CatalogChangeID(location)
	return &id, err
}

func (l *legacy) prefer() *string {
	if !l.async {
		return nil
	}
	return new("respond-async")
}

// The pauses between tries grow from the first to the last one.
const firstPause, lastPause = 100 * time.Millisecond, 5 * time.Second

// retried calls until the monolith answers, for as long as limit says. It returns the last error.
func retried[T any](ctx context.Context, limit time.Duration, call func() (T, error)) (T, error) {
	deadline := time.Now().Add(limit)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		answer, err := call()
		if err == nil || ctx.Err() != nil || !isAway(err) {
			return answer, err
		}
		wait := pause
		if problem, ok := errors.AsType[*apiclient.Problem](err); ok {
			wait = max(pause, problem.RetryAfter)
		}
		if time.Until(deadline) < wait {
			return answer, fmt.Errorf("gave up after %v: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// isAway reports whether the same request may succeed later: the connection was lost, or the answer says so.
func isAway(err error) bool {
	if problem, ok := errors.AsType[*apiclient.Problem](err); ok {
		switch problem.Status {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		default:
			return problem.RetryAfter > 0
		}
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return true
	}
	_, lost := errors.AsType[net.Error](err) // while the body is read
	return lost || errors.Is(err, io.ErrUnexpectedEOF)
}

func datesOf(e monolithclient.LegacyEntry) dates {
	return dates{fromDate(e.AvailabilityDate), fromDate(e.AvailabilityEndDate)}
}

func fromDate(date nullable.Nullable[types.Date]) string {
	if day, err := date.Get(); err == nil { // an error means that it is null or left out
		return day.String()
	}
	return ""
}

// toDate returns null for an empty date. The file has been checked, so the date is valid.
func toDate(day string) nullable.Nullable[types.Date] {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nullable.NewNullNullable[types.Date]()
	}
	return nullable.NewNullableWithValue(types.Date{Time: t})
}
