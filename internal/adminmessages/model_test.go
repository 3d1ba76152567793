package adminmessages_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// things are the keys that the service owns, each at version 3.
var things = []string{"a", "b", "c"}

// thingModel is a model that stores nothing: each thing has its version in the code.
func thingModel(topic string) repair.Model {
	return repair.Model{
		Topic: topic,
		Count: func(context.Context, pgx.Tx) (int, error) { return len(things), nil },
		Page: func(_ context.Context, _ pgx.Tx, after string, limit int) (page []event.Message, _ error) {
			for _, key := range things {
				if key > after && len(page) < limit {
					page = append(page, thing(topic, key, 3))
				}
			}
			return page, nil
		},
		Raise: func(_ context.Context, _ pgx.Tx, published []repair.Published) (raised []event.Message, _ error) {
			for _, one := range published {
				if slices.Contains(things, one.Key) {
					raised = append(raised, thing(topic, one.Key, max(3, one.Version)+1))
				}
			}
			return raised, nil
		},
		Rebuild: func(_ context.Context, _ pgx.Tx, last event.Event, _ bool) (event.Message, error) {
			return thing(topic, last.Subject, last.Version+1), nil
		},
	}
}

func thing(topic, key string, version int64) event.Message {
	m := event.Message{ID: uuid.Must(uuid.NewV7()), Topic: topic, Key: key, Version: version, Type: "own.changed.v1"}
	payload, err := json.Marshal(event.Event{
		ID: m.ID.String(), Source: "/own", Type: m.Type, Subject: key, Time: time.Now(), Version: version, Data: []byte(`{}`),
	})
	if err != nil {
		panic(err)
	}
	m.Payload = payload
	return m
}
