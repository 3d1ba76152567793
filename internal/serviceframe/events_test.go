package serviceframe_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/serviceframe"
)

func TestEncoder(t *testing.T) {
	t.Parallel()
	documented, err := eventschema.NewEvents(asyncapi.Monolith)
	if err != nil {
		t.Fatal(err)
	}
	good := documented.Examples()[0].Payload
	spoiled := bytes.Replace(good, []byte(`"specversion"`), []byte(`"version"`), 1)
	failure := errors.New("cannot be encoded")
	encode := func(payload []byte) (event.Message, error) {
		if payload == nil {
			return event.Message{}, failure
		}
		return event.Message{Type: documented.Examples()[0].Type, Payload: payload}, nil
	}
	for name, tt := range map[string]struct {
		check   bool
		payload []byte
		want    error
		logged  bool
	}{
		"described":                    {true, good, nil, false},
		"undescribed":                  {true, spoiled, eventschema.ErrUndescribed, true},
		"undescribed, and not checked": {false, spoiled, nil, false},
		"its own error":                {true, nil, failure, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log strings.Builder
			spec, cfg := serviceframe.Spec{Name: "monolith", AsyncAPI: asyncapi.Monolith}, config.Common{Checks: config.Checks{Events: tt.check}}
			encode, err := serviceframe.Encoder(spec, cfg, slog.New(slog.NewTextHandler(&log, nil)), encode)
			if err != nil {
				t.Fatal(err)
			}
			m, err := encode(tt.payload)
			if !errors.Is(err, tt.want) || err == nil && !bytes.Equal(m.Payload, tt.payload) {
				t.Errorf("%s, %v", m.Payload, err)
			}
			if logged := strings.Contains(log.String(), serviceframe.UndescribedEvent); logged != tt.logged {
				t.Errorf("logged %q", log.String())
			}
		})
	}
	if _, err := serviceframe.Encoder(serviceframe.Spec{Name: "s", AsyncAPI: []byte("{")}, config.Common{Checks: config.Checks{Events: true}}, nil, encode); err == nil {
		t.Error("a document that cannot be read passes")
	}
}
