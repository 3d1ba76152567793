package servicetest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/serviceframe"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
)

// failing records the faults of a test that is expected to fail.
type failing struct {
	testing.TB
	faults []string
}

func (f *failing) Errorf(format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
}
func (f *failing) Error(args ...any) { f.faults = append(f.faults, fmt.Sprint(args...)) }

// made returns a documented event of a product, changed by spoil.
func made(t *testing.T, spoil func(event map[string]any)) event.Message {
	t.Helper()
	events, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	example := events.Examples()[0]
	var tree map[string]any
	if err := json.Unmarshal(example.Payload, &tree); err != nil {
		t.Fatal(err)
	}
	spoil(tree)
	payload, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return event.Message{ID: uuid.New(), Topic: "monsplit.product.v1", Key: "k", Version: 1, Type: example.Type, Payload: payload}
}

func nothing(map[string]any)  {}
func noTime(e map[string]any) { delete(e, "time") }

func TestEncode(t *testing.T) {
	t.Parallel()
	f := &failing{TB: t}
	answer := made(t, nothing)
	encode := servicetest.Encode(f, asyncapi.Monolith, func(err error) (event.Message, error) { return answer, err })
	if m, err := encode(nil); err != nil || m.ID != answer.ID || len(f.faults) > 0 {
		t.Errorf("of a documented event: %+v, %v, %q", m, err, f.faults)
	}
	if _, err := encode(errors.ErrUnsupported); !errors.Is(err, errors.ErrUnsupported) || len(f.faults) > 0 {
		t.Errorf("of an event that cannot be encoded: %v, %q", err, f.faults)
	}
	answer = made(t, noTime)
	if _, err := encode(nil); err == nil || len(f.faults) != 1 || !strings.Contains(f.faults[0], "time") {
		t.Errorf("of an event without its time: %v, %q", err, f.faults)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	f := &failing{TB: t}
	handler := servicetest.NewLog(f)
	log := slog.New(handler)
	log.Info("listening", "addr", "127.0.0.1:80")
	log.Error("something else", "error", time.Second)
	if addr := <-handler.Listening(); addr != "127.0.0.1:80" || len(f.faults) > 0 {
		t.Errorf("listens on %q, faults %q", addr, f.faults)
	}
	log.Error(serviceframe.UndescribedAnswer, "error", "no such status")
	log.Error(serviceframe.UndescribedEvent, "error", "no such member")
	if len(f.faults) != 2 || !strings.Contains(f.faults[0], "no such status") || !strings.Contains(f.faults[1], "no such member") {
		t.Errorf("faults %q", f.faults)
	}
}
