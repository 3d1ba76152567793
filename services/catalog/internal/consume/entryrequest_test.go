package consume_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/services/catalog/internal/consume"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/entryrequest"
)

const (
	requestID   = "0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"
	entryID     = "0198c0de-aa10-7b31-8c55-7e6d5c4b3a29"
	requestType = "monsplit.catalog-entry.change-requested.v1"
)

// requested returns the event of a request.
func requested(data string) consumer.Event {
	return consumer.Event{Key: productID, Event: event.Event{
		ID: requestID, Type: requestType, Subject: productID, Version: 7, Data: json.RawMessage(data),
	}}
}

func date(t *testing.T, s string) *entry.Date {
	t.Helper()
	d, err := entry.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// The examples of the owner's document have all operations but one, and all members.
func TestRequestsOfTheDocument(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	product, newEntry := uuid.MustParse(productID), uuid.MustParse("0198c0de-9d55-7e31-8b60-2c7a4f5e1d08")
	patch, replace := uuid.MustParse("019a2f30-15c4-7e90-b2d7-3f6a8c1e5b72"), uuid.MustParse("019a3377-7d16-7b29-8c4f-e5a31b8d7f92")
	want := map[string]request.Received[entryrequest.Request]{
		"create": {
			ID: newEntry, Key: productID, Number: 1, Needs: 1, ExpiresAt: time.Date(2026, 3, 8, 9, 30, 0, 123456000, time.UTC),
			Subject: newEntry.String(),
			Body: entryrequest.Request{
				ID: newEntry, Operation: entryrequest.Create, Entry: newEntry, Product: product,
				Values: entry.Patch{Market: new("NL"), Start: date(t, "2026-03-01"), End: &entry.Date{}},
			},
		},
		"patch": {
			ID: patch, Key: productID, Number: 2, Needs: 1, ExpiresAt: time.Date(2026, 7, 7, 16, 45, 10, 500000000, time.UTC),
			Subject: newEntry.String(),
			Body: entryrequest.Request{
				ID: patch, Operation: entryrequest.Patch, Entry: newEntry, Product: product, Match: condition.Match{1},
				Values: entry.Patch{End: date(t, "2026-06-30")},
			},
		},
		"replace": {
			ID: replace, Key: productID, Number: 3, Needs: 2, ExpiresAt: time.Date(2026, 7, 8, 8, 0, 0, 0, time.UTC),
			Subject: newEntry.String(),
			Body: entryrequest.Request{
				ID: replace, Operation: entryrequest.Replace, Entry: newEntry, Product: product,
				Values: entry.Patch{Product: &product, Market: new("NL"), Start: date(t, "2026-03-01"), End: date(t, "2026-12-31")},
			},
		},
	}
	for _, x := range documented.Examples() {
		if x.Type != requestType {
			continue
		}
		e, err := event.Decode(x.Payload)
		if err != nil {
			t.Fatal(err)
		}
		got, err := consume.EntryRequest(consumer.Event{Event: e, Key: e.Subject})
		if err != nil || !reflect.DeepEqual(got, want[x.Name]) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", x.Name, err, got, want[x.Name])
		}
		delete(want, x.Name)
	}
	if len(want) > 0 {
		t.Errorf("the document has no example of %v", want)
	}
}

// object returns the data of a request. Each change is NAME=JSON; NAME= removes the member.
func object(changes ...string) string {
	members := map[string]json.RawMessage{
		"operation": json.RawMessage(`"patch"`), "entry": json.RawMessage(`"` + entryID + `"`), "product": json.RawMessage(`"` + productID + `"`),
		"product_version": json.RawMessage(`3`), "expires_at": json.RawMessage(`"2026-03-08T09:30:00Z"`), "values": json.RawMessage(`{}`),
	}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		if members[name] = json.RawMessage(value); value == "" {
			delete(members, name)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A member that is absent differs from one that is null.
func TestValuesOfRequests(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		changes []string
		want    entry.Patch
		match   condition.Match
	}{
		"Nothing":     {nil, entry.Patch{}, nil},
		"NullDates":   {[]string{`values={"availability_date":null,"availability_end_date":null}`}, entry.Patch{Start: &entry.Date{}, End: &entry.Date{}}, nil},
		"Dates":       {[]string{`values={"availability_date":"2026-03-01","availability_end_date":"2026-03-02"}`}, entry.Patch{Start: date(t, "2026-03-01"), End: date(t, "2026-03-02")}, nil},
		"References":  {[]string{`values={"product":"` + entryID + `","market":"NL"}`}, entry.Patch{Product: new(uuid.MustParse(entryID)), Market: new("NL")}, nil},
		"UnknownOnes": {[]string{`values={"shade":1}`, `shade=1`}, entry.Patch{}, nil},
		"NoMatch":     {[]string{`if_match=[]`}, entry.Patch{}, condition.Match{}},
		"Matches":     {[]string{`if_match=[1,3]`}, entry.Patch{}, condition.Match{1, 3}},
		"Deletion":    {[]string{`operation="delete"`}, entry.Patch{}, nil},
		"Replacement": {[]string{`operation="replace"`}, entry.Patch{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := consume.EntryRequest(requested(object(tt.changes...)))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Body.Values, tt.want) || !reflect.DeepEqual(r.Body.Match, tt.match) {
				t.Errorf("values %+v, match %#v; want %+v, %#v", r.Body.Values, r.Body.Match, tt.want, tt.match)
			}
			if r.ID.String() != requestID || r.Body.ID != r.ID || r.Subject != entryID || r.Body.Entry.String() != entryID ||
				r.Key != productID || r.Body.Product.String() != productID || r.Number != 7 || r.Needs != 3 {
				t.Errorf("received %+v", r)
			}
		})
	}
}

func TestUnreadableRequests(t *testing.T) {
	t.Parallel()
	create := `operation="create"`
	ofNew := `entry="` + requestID + `"`
	for name, tt := range map[string]struct {
		changes []string
		reason  string // a part of it
	}{
		"NoOperation":       {[]string{"operation="}, `the operation "" is unknown`},
		"UnknownOperation":  {[]string{`operation="sell"`}, `the operation "sell" is unknown`},
		"NoEntry":           {[]string{"entry="}, "entry is missing"},
		"EntryNoUUID":       {[]string{`entry="x"`}, "data: "},
		"CreatesAnother":    {[]string{create}, "entry is not the id of the request"},
		"NoProduct":         {[]string{"product="}, "product is not the key"},
		"AnotherProduct":    {[]string{`product="` + entryID + `"`}, "product is not the key"},
		"NoVersion":         {[]string{"product_version="}, "product_version is missing"},
		"VersionZero":       {[]string{"product_version=0"}, "product_version is missing"},
		"NoExpiry":          {[]string{"expires_at="}, "expires_at is missing"},
		"ExpiryNoTime":      {[]string{`expires_at="tomorrow"`}, "data: "},
		"NoValues":          {[]string{"values="}, "values is missing"},
		"NullValues":        {[]string{"values=null"}, "values is missing"},
		"NullMatch":         {[]string{"if_match=null"}, "cannot be null"},
		"NullProduct":       {[]string{`values={"product":null}`}, "cannot be null"},
		"NullMarket":        {[]string{`values={"market":null}`}, "cannot be null"},
		"MarketNoText":      {[]string{`values={"market":4}`}, "data: "},
		"DateNoDate":        {[]string{`values={"availability_date":"2026-02-30"}`}, "data: "},
		"DateNoText":        {[]string{`values={"availability_date":20260301}`}, "data: "},
		"EmptyDate":         {[]string{`values={"availability_date":""}`}, "a date is empty"},
		"EmptyEnd":          {[]string{`values={"availability_end_date":""}`}, "a date is empty"},
		"CreateTwoProducts": {[]string{create, ofNew, `values={"product":"` + entryID + `"}`}, "two products"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := consume.EntryRequest(requested(object(tt.changes...)))
			if err == nil || !strings.Contains(err.Error(), tt.reason) || !isPoison(t, err) {
				t.Errorf("got %v, want poison: %s", err, tt.reason)
			}
		})
	}
	for name, change := range map[string]func(*consumer.Event){
		"is not a UUID":           func(e *consumer.Event) { e.ID = "x" },
		"the type is \"eaten\"":   func(e *consumer.Event) { e.Type = "eaten" },
		"the event has no data":   func(e *consumer.Event) { e.Data = nil },
		"product is not the key ": func(e *consumer.Event) { e.Key = strings.ToUpper(productID) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := requested(object())
			change(&e)
			if _, err := consume.EntryRequest(e); err == nil || !strings.Contains(err.Error(), name) || !isPoison(t, err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// isPoison reports whether the error has the type of poison.
func isPoison(t *testing.T, err error) bool {
	t.Helper()
	return reflect.TypeOf(err) == reflect.TypeOf(consumer.Poison(""))
}

func TestUsableKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{productID: true, strings.ToUpper(productID): false, "x": false, "": false} {
		if consume.UsableKey(key) != want {
			t.Errorf("%q is usable: %t", key, !want)
		}
	}
}

// knownVersions has the versions of copies.
type knownVersions map[uuid.UUID]int64

var errAway = errors.New("away")

func (k knownVersions) ProductVersions(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	if k == nil {
		return nil, errAway
	}
	found := map[uuid.UUID]int64{}
	for _, id := range ids {
		if version := k[id]; version > 0 {
			found[id] = version
		}
	}
	return found, nil
}

func TestProductVersions(t *testing.T) {
	t.Parallel()
	known := knownVersions{uuid.MustParse(productID): 3}
	got, err := consume.ProductVersions(t.Context(), known, []string{productID, entryID})
	if want := map[string]int64{productID: 3}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := consume.ProductVersions(t.Context(), known, []string{"x"}); err == nil || !isPoison(t, err) {
		t.Errorf("a key that is not a UUID: %v", err)
	}
	if _, err := consume.ProductVersions(t.Context(), knownVersions(nil), []string{productID}); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
}
