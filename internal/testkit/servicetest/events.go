package servicetest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/contract"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Encode returns encode as a store takes it, with each message held against the document: one that its schema refuses
// fails the test, and is not appended.
func Encode[E any](t testing.TB, document []byte, encode func(E) (event.Message, error)) func(E) (event.Message, error) {
	t.Helper()
	events := documented(t, document)
	return func(e E) (event.Message, error) {
		m, err := encode(e)
		if err != nil {
			return m, err
		}
		if err := events.Validate(m.Type, m.Payload); err != nil {
			t.Errorf("appends an event that is not as documented: %v\n%s", err, m.Payload)
			return event.Message{}, err
		}
		return m, nil
	}
}

// Appended holds, when the test ends, every event that a service has appended to its outbox against the document. It is
// for tests that run the whole service, which takes no Encode; call it before the service starts.
func Appended(t testing.TB, database string, document []byte) {
	t.Helper()
	events := documented(t, document)
	t.Cleanup(func() {
		// The test's own context is done by now.
		if err := appended(context.WithoutCancel(t.Context()), database, func(typ string, payload []byte) {
			if err := events.Validate(typ, payload); err != nil {
				t.Errorf("has appended an event that is not as documented: %v\n%s", err, payload)
			}
		}); err != nil {
			t.Errorf("read the outbox: %v", err)
		}
	})
}

func appended(ctx context.Context, database string, each func(typ string, payload []byte)) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT type, payload FROM outbox_event")
	if err != nil {
		return err
	}
	var typ string
	var payload []byte
	_, err = pgx.ForEachRow(rows, []any{&typ, &payload}, func() error {
		each(typ, payload)
		return nil
	})
	return err
}

func documented(t testing.TB, document []byte) *contract.Events {
	t.Helper()
	events, err := contract.NewEvents(document)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
