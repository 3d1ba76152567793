//go:build pact

package pact

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pact-foundation/pact-go/v2/message"
	"github.com/pact-foundation/pact-go/v2/models"
	"github.com/pact-foundation/pact-go/v2/provider"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

// The metadata of a message, in addition to the content type.
const (
	metadataTopic = "topic"
	metadataKey   = "key"
	metadataID    = event.HeaderID
)

// Provider is a service that is verified against the expectations of its consumers.
type Provider struct {
	URL string // where it answers
	// States create what an interaction assumes. Their results go into the request, where the contract names them.
	States map[string]func(Params) (Params, error)
	// Events make the change that leads to the described event, and return the event as read from Kafka.
	Events map[string]func() (Published, error)
}

// Params are the parameters of a state.
type Params map[string]any

// Text returns a text, or "" if there is none. No id or name is empty.
func (p Params) Text(name string) string {
	text, _ := p[name].(string)
	return text
}

// Without returns a state without results.
func Without(f func(Params) error) func(Params) (Params, error) {
	return func(p Params) (Params, error) { return nil, f(p) }
}

// patience limits the time of a request to the provider, and of what must happen before it.
const patience = 30 * time.Second

// Verify verifies every interaction of every contract that names the provider. Each is a test of its own with a new
// provider from start.
func Verify(t *testing.T, name string, start func(*testing.T) Provider) {
	t.Helper()
	if err := open(); err != nil {
		t.Fatal(err)
	}
	for _, contract := range of(t, name) {
		t.Run(contract.Name(), func(t *testing.T) {
			for _, i := range contract.Interactions {
				t.Run(i.Name(), func(t *testing.T) { verify(t, contract, i, start(t)) })
			}
		})
	}
}

// of returns the contracts of the provider.
func of(t *testing.T, provider string) (mine []*pactfile.File) {
	t.Helper()
	dir, err := contracts()
	if err != nil {
		t.Fatal(err)
	}
	all, err := pactfile.ReadAll(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, contract := range all {
		if contract.Provider == provider {
			mine = append(mine, contract)
		}
	}
	if len(mine) == 0 {
		t.Fatalf("no contract names %s as the provider", provider)
	}
	return mine
}

// verify checks one interaction, in a file of its own. With a filter, a filter that matches nothing would pass.
func verify(t *testing.T, contract *pactfile.File, i pactfile.Interaction, p Provider) {
	t.Helper()
	if !i.Message && len(i.States) == 0 {
		t.Fatal("it has no state: nothing would show whether it was verified")
	}
	text, err := contract.Only(i).Text()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), contract.Name()+".json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var asked sync.Map // names of states and events; after a failure the verifier asks for some again
	states, events := p.states(t, i, &asked), p.events(t, i, &asked)
	err = provider.NewVerifier().VerifyProvider(t, provider.VerifyRequest{
		Provider: contract.Provider, ProviderBaseURL: p.URL, PactFiles: []string{file},
		StateHandlers: states, MessageHandlers: events, RequestTimeout: patience, DisableColoredOutput: true,
	})
	if err != nil && !t.Failed() { // for a mismatch, the verifier has printed more than the error says
		t.Error(err)
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(states)), slices.Collect(maps.Keys(events))) {
		if _, ok := asked.Load(name); !ok {
			t.Errorf("%q was never asked for: nothing was verified", name)
		}
	}
}

// states returns the handlers of the interaction's states. The verifier itself ignores a state without a handler, and
// reports only that there was an error, not which.
func (p Provider) states(t *testing.T, i pactfile.Interaction, asked *sync.Map) models.StateHandlers {
	t.Helper()
	handlers := models.StateHandlers{}
	for _, name := range i.States {
		handler := p.States[name]
		if handler == nil {
			t.Fatalf("the provider's test cannot bring about the state %q", name)
		}
		handlers[name] = func(setup bool, s models.ProviderState) (models.ProviderStateResponse, error) {
			if !setup {
				return nil, nil
			}
			asked.Store(name, true)
			params, _ := s.Parameters["params"].(map[string]any) // pact-go leaves them wrapped
			values, err := handler(params)
			if err != nil {
				t.Errorf("the state %q: %v", name, err)
			}
			return models.ProviderStateResponse(values), err
		}
	}
	return handlers
}

func (p Provider) events(t *testing.T, i pactfile.Interaction, asked *sync.Map) message.Handlers {
	t.Helper()
	if !i.Message {
		return nil
	}
	handler := p.Events[i.Description]
	if handler == nil {
		t.Fatalf("the provider's test cannot bring about the event %q", i.Description)
	}
	return message.Handlers{i.Description: func([]models.ProviderState) (message.Body, message.Metadata, error) {
		asked.Store(i.Description, true)
		published, err := handler()
		if err != nil {
			t.Errorf("the event %q: %v", i.Description, err)
			return nil, nil, err
		}
		// Bytes, not a value: the comparison must use exactly what was read from Kafka.
		return published.Record.Value, published.metadata(), nil
	}}
}

func (p Published) metadata() message.Metadata {
	metadata := message.Metadata{metadataTopic: p.Topic, metadataKey: string(p.Record.Key), "contentType": ""}
	for _, h := range p.Record.Headers {
		switch h.Key {
		case event.HeaderContentType:
			metadata["contentType"] = string(h.Value)
		case event.HeaderID:
			metadata[metadataID] = string(h.Value)
		}
	}
	return metadata
}
