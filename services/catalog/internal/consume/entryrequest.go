package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
)

// TopicEntryRequest is the topic of the requests to change catalog entries.
const TopicEntryRequest = "monsplit.catalog-entry-request.v1"

const typeEntryRequested = "monsplit.catalog-entry.change-requested.v1"

// entryRequestData has the members of a request. A request is not a state that a later message repeats: what this service
// cannot read makes it unreadable, and must not be guessed.
type entryRequestData struct {
	Operation      entryrequest.Operation `json:"operation"`
	Entry          uuid.UUID              `json:"entry"`
	Product        uuid.UUID              `json:"product"`
	ProductVersion int64                  `json:"product_version"`
	IfMatch        sent[[]int64]          `json:"if_match"`
	ExpiresAt      time.Time              `json:"expires_at"`
	Values         *struct {
		Product sent[uuid.UUID]  `json:"product"`
		Market  sent[string]     `json:"market"`
		Start   sent[entry.Date] `json:"availability_date"`
		End     sent[entry.Date] `json:"availability_end_date"`
	} `json:"values"`
}

// sent is a member that may be absent. It distinguishes a member that is absent from one that is null.
type sent[V any] struct {
	present, null bool
	value         V
}

// UnmarshalJSON implements json.Unmarshaler. It is called only for members that are present, also if they are null.
func (s *sent[V]) UnmarshalJSON(raw []byte) error {
	s.present, s.null = true, string(raw) == "null"
	return strictjson.Unmarshal(raw, &s.value)
}

// orNil returns the value of a member that is present. A null is the zero value.
func (s sent[V]) orNil() *V {
	if !s.present {
		return nil
	}
	return &s.value
}

// EntryRequest reads a request to change a catalog entry.
func EntryRequest(e consumer.Event) (request.Received[entryrequest.Request], error) {
	r := request.Received[entryrequest.Request]{Key: e.Key, Number: e.Version}
	if e.Type != typeEntryRequested {
		return r, consumer.Poison(fmt.Sprintf("the type is %q: nothing else is known that needs an answer", e.Type))
	}
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return r, consumer.Poison(fmt.Sprintf("the id %q is not a UUID", e.ID))
	}
	data, err := consumer.Data[entryRequestData](e)
	if err != nil {
		return r, err
	}
	if err := data.check(id, e.Key); err != nil {
		return r, err
	}
	r.ID, r.Needs, r.ExpiresAt, r.Subject = id, data.ProductVersion, data.ExpiresAt, data.Entry.String()
	r.Body = entryrequest.Request{
		ID: id, Operation: data.Operation, Entry: data.Entry, Product: data.Product, Match: data.match(),
		Values: entry.Patch{
			Product: data.Values.Product.orNil(), Market: data.Values.Market.orNil(),
			Start: data.Values.Start.orNil(), End: data.Values.End.orNil(),
		},
	}
	return r, nil
}

// check returns an error for a request that does not match its document in what is needed here.
func (d entryRequestData) check(id uuid.UUID, key string) error {
	switch d.Operation {
	case entryrequest.Create, entryrequest.Replace, entryrequest.Patch, entryrequest.Delete:
	default:
		return consumer.Poison(fmt.Sprintf("data: the operation %q is unknown", d.Operation))
	}
	switch {
	case d.Entry == uuid.Nil:
		return missing("entry")
	case d.Operation == entryrequest.Create && d.Entry != id:
		return consumer.Poison("data: entry is not the id of the request, although it creates the entry")
	case d.Product.String() != key:
		return consumer.Poison("data: product is not the key of the request")
	case d.ProductVersion < 1:
		return missing("product_version")
	case d.ExpiresAt.IsZero():
		return missing("expires_at")
	case d.Values == nil:
		return missing("values")
	case d.IfMatch.null || d.Values.Product.null || d.Values.Market.null:
		return consumer.Poison("data: if_match, product and market cannot be null")
	case isEmpty(d.Values.Start), isEmpty(d.Values.End):
		return consumer.Poison("data: a date is empty")
	case d.Operation == entryrequest.Create && d.Values.Product.present && d.Values.Product.value != d.Product:
		return consumer.Poison("data: the new entry has two products")
	}
	return nil
}

// isEmpty reports whether the date was sent as an empty text, which is neither a date nor null.
func isEmpty(d sent[entry.Date]) bool { return d.present && !d.null && d.value.IsZero() }

// match returns the versions of if_match: nil without it, so that any version matches. An empty list matches none.
func (d entryRequestData) match() condition.Match {
	if !d.IfMatch.present {
		return nil
	}
	return append(condition.Match{}, d.IfMatch.value...)
}

// UsableKey reports whether the key is the id of a product in its usual form.
func UsableKey(key string) bool {
	id, err := uuid.Parse(key)
	return err == nil && id.String() == key
}

// productVersions reads the versions of product copies.
type productVersions interface {
	ProductVersions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
}

// ProductVersions returns the version of the copy of the product with each key. Unknown products are left out.
func ProductVersions[T productVersions](ctx context.Context, tx T, keys []string) (map[string]int64, error) {
	ids := make([]uuid.UUID, len(keys))
	for i, key := range keys {
		id, err := uuid.Parse(key)
		if err != nil {
			return nil, consumer.Poison(fmt.Sprintf("the key %q is not a UUID", key))
		}
		ids[i] = id
	}
	found, err := tx.ProductVersions(ctx, ids)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]int64, len(found))
	for id, version := range found {
		versions[id.String()] = version
	}
	return versions, nil
}
