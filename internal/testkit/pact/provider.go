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

// What is in a message's metadata beside its content type.
const (
	metadataTopic = "topic"
	metadataKey   = "key"
)

// Provider is a service that is held against what others expect of it.
type Provider struct {
	URL string // where it answers
	// States bring about what an interaction takes for granted. What they return is put into the request, where the
	// contract asks for it by name.
	States map[string]func(Params) (Params, error)
	// Events make the change that an event of that description announces, and return the event as Kafka has it.
	Events map[string]func() (Published, error)
}

// Params are those of a state.
type Params map[string]any

// Text returns a text, or "" where there is none, which no id or name is.
func (p Params) Text(name string) string {
	text, _ := p[name].(string)
	return text
}

// Without is a state that has nothing to tell.
func Without(f func(Params) error) func(Params) (Params, error) {
	return func(p Params) (Params, error) { return nil, f(p) }
}

// patience bounds a request to the provider, and what has to happen before it.
const patience = 30 * time.Second

// Verify holds the provider against every interaction of every contract that names it, each as a test of its own with a
// provider that start makes afresh.
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

// of returns the contracts that the provider has to keep.
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

// verify checks one interaction. It gets a file of its own: a filter that matches nothing would pass.
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
	var asked sync.Map // names of states and events; some are asked for again after a failure
	states, events := p.states(t, i, &asked), p.events(t, i, &asked)
	err = provider.NewVerifier().VerifyProvider(t, provider.VerifyRequest{
		Provider: contract.Provider, ProviderBaseURL: p.URL, PactFiles: []string{file},
		StateHandlers: states, MessageHandlers: events, RequestTimeout: patience, DisableColoredOutput: true,
	})
	if err != nil && !t.Failed() { // of a mismatch the verifier has said more than the error does
		t.Error(err)
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(states)), slices.Collect(maps.Keys(events))) {
		if _, ok := asked.Load(name); !ok {
			t.Errorf("%q was never asked for: nothing was verified", name)
		}
	}
}

// states are the handlers of the interaction's states. The verifier itself passes over a state that nobody handles, and
// says of an error no more than that there was one.
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
		// Bytes, not a value: what is compared is what Kafka has.
		return published.Record.Value, published.metadata(), nil
	}}
}

func (p Published) metadata() message.Metadata {
	metadata := message.Metadata{metadataTopic: p.Topic, metadataKey: string(p.Record.Key), "contentType": ""}
	for _, h := range p.Record.Headers {
		if h.Key == event.HeaderContentType {
			metadata["contentType"] = string(h.Value)
		}
	}
	return metadata
}
