//go:build pact

package catalog

import (
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/testkit/pact"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
)

// requestExpectation is a request that the catalog decides about, and the effect that it must have on an entry of a chair in
// the Netherlands, at version 1, from 2026-01-01 to 2026-12-31.
type requestExpectation struct {
	event pact.Event
	check func(*testing.T, *business)
}

// requestData has the members of a request that are used: the fields of consume.entryRequestData, and no more. Values must
// have no other members, because a member that was not sent differs from one that was.
func requestData(operation, entry string, values pact.Body) pact.Body {
	return pact.Body{
		"operation": operation, "entry": entry, "product": chairID, "product_version": pact.Integer(1),
		"expires_at": pact.Moment("2099-03-09T10:00:00Z"), "values": pact.Exactly(values),
	}
}

func requestExpectations() []requestExpectation {
	of := func(description string, given pact.State, data pact.Body) pact.Event {
		return pact.Event{
			Description: description, Given: given, Topic: consume.TopicEntryRequest, Key: chairID,
			Type: "monsplit.catalog-entry.change-requested.v1", ID: requestID, Data: data,
		}
	}
	offer := pact.State{
		Name:   "a product and a market without an entry",
		Params: map[string]any{"product_uuid": chairID, "iso_code": "BE", "next_id": requestID},
	}
	entry := pact.State{
		Name:   "an entry",
		Params: map[string]any{"id": entryID, "product_uuid": chairID, "iso_code": "NL", "next_id": requestID},
	}
	const market, start, end = "BE", "2026-03-01", "2026-09-30"
	conditional := requestData("patch", entryID, pact.Body{"availability_end_date": end})
	conditional["if_match"] = []int{1}
	return []requestExpectation{
		{of("a request to create an entry, with both dates", offer, requestData("create", requestID, pact.Body{
			"market": market, "availability_date": start, "availability_end_date": end,
		})), entryIs(requestID, "BE", "2026-03-01", "2026-09-30", 1)},
		{of("a request to create an entry, with a date that is null and one that was not sent", offer, requestData("create", requestID, pact.Body{
			"market": market, "availability_date": nil,
		})), entryIs(requestID, "BE", "", "", 1)},
		{of("a request to replace an entry, with only an end", entry, requestData("replace", entryID, pact.Body{
			"availability_end_date": end,
		})), entryIs(entryID, "NL", "", "2026-09-30", 2)},
		{of("a request to patch an entry, with a date that is null and one that was not sent", entry, requestData("patch", entryID, pact.Body{
			"availability_date": nil,
		})), entryIs(entryID, "NL", "", "2026-12-31", 2)},
		{of("a request to patch an entry, if it is at a version", entry, conditional), entryIs(entryID, "NL", "2026-01-01", "2026-09-30", 2)},
		{of("a request to patch the product of an entry", entry, requestData("patch", entryID, pact.Body{
			"product": chairID, "availability_end_date": nil,
		})), entryIs(entryID, "NL", "2026-01-01", "", 2)},
		{of("a request to delete an entry", entry, requestData("delete", entryID, pact.Body{})), entryIsGone},
	}
}

func entryIs(id, market, start, end string, version int64) func(*testing.T, *business) {
	return func(t *testing.T, b *business) {
		t.Helper()
		e, err := b.entries.Get(t.Context(), uuid.MustParse(id))
		if err != nil || e.Product.String() != chairID || e.Market != market || e.Start != date(start) || e.End != date(end) || e.Version != version {
			t.Errorf("the entry is %+v, %v; want version %d in %s from %q to %q", e, err, version, market, start, end)
		}
	}
}

func entryIsGone(t *testing.T, b *business) {
	t.Helper()
	if e, err := b.entries.Get(t.Context(), uuid.MustParse(entryID)); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("the entry is %+v, %v", e, err)
	}
}
