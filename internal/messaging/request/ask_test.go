package request_test

import (
	"cmp"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// ask is a request before it has its place in the topic.
type ask struct {
	key      string
	number   int64
	do, name string
	needs    int64 // 1 if it is 0
	expires  int64 // the second of the owner's clock; 1000 if it is 0
	id       uuid.UUID
}

// put asks for a new thing.
func put(key string, number int64, name string) ask {
	return ask{key: key, number: number, do: "put", name: name}
}

func doing(key string, number int64, do, name string) ask {
	return ask{key: key, number: number, do: do, name: name}
}

func (a ask) needing(version int64) ask { a.needs = version; return a }
func (a ask) expiring(second int64) ask { a.expires = second; return a }
func (a ask) withID(id uuid.UUID) ask   { a.id = id; return a }
func (a ask) known() ask                { return a.withID(newID()) }
func newID() uuid.UUID                  { return uuid.Must(uuid.NewV7()) }

// record returns the request as its asker sends it.
func (a ask) record() broker.Record {
	if a.id == uuid.Nil {
		a.id = newID()
	}
	data, err := json.Marshal(body{
		order: order{ID: a.id.String(), Do: a.do, Name: a.name}, Needs: cmp.Or(a.needs, 1), ExpiresAt: at(cmp.Or(a.expires, 1000)),
	})
	if err != nil {
		panic(err)
	}
	value, err := json.Marshal(event.Event{
		ID: a.id.String(), Source: "/asker", Type: "test.requested.v1", Subject: a.key, Time: epoch, Version: a.number, Data: data,
	})
	if err != nil {
		panic(err)
	}
	return broker.Record{Key: []byte(a.key), Value: value, Headers: []broker.Header{{Key: event.HeaderID, Value: []byte(a.id.String())}}}
}

func records(asks []ask) []broker.Record {
	list := make([]broker.Record, len(asks))
	for i, a := range asks {
		list[i] = a.record()
	}
	return list
}
