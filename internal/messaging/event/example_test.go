package event_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// An event becomes the payload of a message, and the consumer decodes it again.
func Example() {
	id := uuid.MustParse("0199b5a4-0b7e-7c39-8f3d-4be1c5f1a001")
	payload, err := json.Marshal(event.Event{ID: id.String(), Source: "/shop", Type: "shop.order.created.v1",
		Subject: "order-4711", Time: time.Date(2026, 3, 1, 10, 20, 30, 0, time.UTC), Version: 1,
		Data: json.RawMessage(`{"total":"12.50"}`)})
	if err != nil {
		panic(err)
	}
	message := event.Message{ID: id, Topic: "shop.order.v1", Key: "order-4711", Version: 1,
		Type: "shop.order.created.v1", Payload: payload}
	fmt.Printf("%s\npartition %d of %d\n", message.Payload, message.Shard(), event.Partitions)

	received, err := event.Decode(message.Payload)
	fmt.Println(received.Type, received.Subject, received.Version, string(received.Data), err)
	// Output:
	// {"specversion":"1.0","id":"0199b5a4-0b7e-7c39-8f3d-4be1c5f1a001","source":"/shop","type":"shop.order.created.v1","subject":"order-4711","time":"2026-03-01T10:20:30Z","datacontenttype":"application/json","aggregateversion":1,"data":{"total":"12.50"}}
	// partition 7 of 12
	// shop.order.created.v1 order-4711 1 {"total":"12.50"} <nil>
}

// An invalid message gives an error, and the attributes that could be read.
func ExampleDecode_invalid() {
	e, err := event.Decode([]byte(`{"specversion":"1.0","id":"1","source":"/shop","type":"shop.order.created.v1",` +
		`"time":"yesterday","aggregateversion":7}`))
	fmt.Println(err)
	fmt.Println(e.ID, e.Version)
	// Output:
	// the message is not an event: time is "yesterday", not RFC 3339
	// 1 7
}
