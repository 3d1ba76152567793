package servicetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// compiled has the schemas of each document that a test has used. Compiling them takes longer than most tests do.
var compiled sync.Map // of func() (*eventschema.Events, error), by the document

// Encode returns encode with a check of each message against the document. A message that its schema refuses fails the test,
// and is not appended. A whole service makes the same check with VALIDATE_EVENTS.
func Encode[E any](t testing.TB, document []byte, encode func(E) (event.Message, error)) func(E) (event.Message, error) {
	t.Helper()
	compile, _ := compiled.LoadOrStore(string(document), sync.OnceValues(func() (*eventschema.Events, error) {
		return eventschema.NewEvents(document)
	}))
	events, err := compile.(func() (*eventschema.Events, error))()
	if err != nil {
		t.Fatal(err)
	}
	held := eventschema.Hold(events, encode)
	return func(e E) (event.Message, error) {
		m, err := held(e)
		if errors.Is(err, eventschema.ErrUndescribed) {
			t.Error(err)
		}
		return m, err
	}
}
