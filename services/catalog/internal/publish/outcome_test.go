package publish_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
	"github.com/monsplit/monsplit/services/catalog/internal/publish"
)

const productID, entryID = "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"

func TestOutcome(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0198c0de-aa10-7b31-8c55-7e6d5c4b3a29")
	faults := apperr.InvalidFields("The entry is not valid.", apperr.FieldError{Pointer: "/market", Detail: "never changes"})
	for name, tt := range map[string]struct {
		outcome request.Outcome
		want    string // the data without the id of the request
	}{
		"Accepted":   {request.Outcome{Kind: request.Accepted, Subject: entryID, Version: 2}, `{"outcome":"accepted","entry":"` + entryID + `","version":2}`},
		"Unchanged":  {request.Outcome{Kind: request.Unchanged, Subject: entryID, Version: 2}, `{"outcome":"unchanged","entry":"` + entryID + `","version":2}`},
		"Expired":    {request.Outcome{Kind: request.Expired, Subject: entryID}, `{"outcome":"expired","entry":"` + entryID + `"}`},
		"Unreadable": {request.Outcome{Kind: request.Unreadable}, `{"outcome":"unreadable"}`},
		"Refused": {
			request.Outcome{Kind: request.Refused, Subject: entryID, Refusal: entry.PlaceTaken()},
			`{"outcome":"refused","entry":"` + entryID + `","problem":{"type":"https://monsplit.github.io/problems/entry-exists",
				"title":"Conflict","status":409,"detail":"There is already an entry for this product in this market."}}`,
		},
		"RefusedWithFaults": {
			request.Outcome{Kind: request.Refused, Subject: entryID, Refusal: faults},
			`{"outcome":"refused","entry":"` + entryID + `","problem":{"type":"https://monsplit.github.io/problems/invalid",
				"title":"Unprocessable Entity","status":422,"detail":"The entry is not valid.",
				"errors":[{"pointer":"/market","detail":"never changes"}]}}`,
		},
		"Discarded": {
			request.Outcome{Kind: request.Refused, Refusal: entryrequest.Discarded("as agreed")},
			`{"outcome":"refused","problem":{"type":"https://monsplit.github.io/problems/change-discarded",
				"title":"Conflict","status":409,"detail":"as agreed"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := tt.outcome
			o.ID, o.Number, o.Time, o.Request, o.Key = uuid.Must(uuid.NewV7()), 4, at, id, productID
			m, err := publish.Outcome(o)
			if err != nil {
				t.Fatal(err)
			}
			if m.ID != o.ID || m.Topic != "monsplit.catalog-entry-outcome.v1" || m.Key != productID || m.Version != 4 {
				t.Errorf("message %+v", m)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			want["request"] = id.String()
			if data := check(t, m, messages.TypeCatalogEntryChangeDecided); !reflect.DeepEqual(data, want) {
				t.Errorf("data %v, want %v", data, want)
			}
		})
	}
}

func TestOutcomesWithoutAMessage(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]request.Outcome{
		"UnknownKind":   {Key: productID, Kind: "eaten"},
		"Key":           {Key: "x", Kind: request.Expired},
		"Subject":       {Key: productID, Kind: request.Expired, Subject: "x"},
		"NoRefusal":     {Key: productID, Kind: request.Refused},
		"FaultOfOurs":   {Key: productID, Kind: request.Refused, Refusal: errors.New("a bug")},
		"TroubleOfOurs": {Key: productID, Kind: request.Refused, Refusal: apperr.New(apperr.Unavailable, "away")},
	} {
		if m, err := publish.Outcome(o); err == nil {
			t.Errorf("%s: %s", name, m.Payload)
		}
	}
}

// The events of an entry name the request that caused the change, and have no such member without one.
func TestTheCauseOfAnEvent(t *testing.T) {
	t.Parallel()
	v := entry.Entry{
		ID: uuid.MustParse(entryID), Draft: entry.Draft{Product: uuid.MustParse(productID), Market: "NL"}, Version: 4, CreatedAt: at, UpdatedAt: at,
	}
	for kind, typ := range map[entry.Kind]string{
		entry.Created: messages.TypeCatalogEntryCreated, entry.Updated: messages.TypeCatalogEntryUpdated, entry.Deleted: messages.TypeCatalogEntryDeleted,
	} {
		for _, cause := range []uuid.UUID{uuid.Nil, uuid.Must(uuid.NewV7())} {
			m, err := publish.Entry(entry.Event{ID: uuid.Must(uuid.NewV7()), Kind: kind, Time: at, Entry: v, Cause: cause})
			if err != nil {
				t.Fatal(err)
			}
			check(t, m, typ)
			var attributes map[string]any
			if err := json.Unmarshal(m.Payload, &attributes); err != nil {
				t.Fatal(err)
			}
			got, there := attributes["causationid"]
			if there != (cause != uuid.Nil) || there && got != cause.String() {
				t.Errorf("%s caused by %s: causationid %v", kind, cause, got)
			}
		}
	}
}
