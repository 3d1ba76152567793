//go:build pact

package pact

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	v4 "github.com/pact-foundation/pact-go/v2/message/v4"
	"github.com/pact-foundation/pact-go/v2/models"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

// Contract is what a consumer expects of a provider. The consumer's test collects it.
type Contract struct {
	t                  *testing.T
	consumer, provider string
	dir                string          // where the native library collects the expectations
	declared           map[string]bool // interactions, by description
	met                int
}

// Consumer collects a contract. A consumer has one test, named TestConsumerContract, with one call for each provider. Two
// tests that write the same file at the same time would lose each other's changes.
//
// When all interactions have passed, the contract replaces the one in contracts/pacts. With PACT_CHECK=1 it must be equal
// to that one instead.
func Consumer(t *testing.T, consumer, provider string, expect func(*Contract)) {
	t.Helper()
	if err := open(); err != nil {
		t.Fatal(err)
	}
	t.Run(consumer+"-"+provider, func(t *testing.T) {
		c := &Contract{t: t, consumer: consumer, provider: provider, dir: t.TempDir(), declared: map[string]bool{}}
		expect(c)
		if !t.Failed() {
			c.publish()
		}
	})
}

// State is the state that the provider must be in before an interaction.
type State struct {
	Name   string
	Params map[string]any
}

// Event is an event that the consumer expects, reduced to what the consumer uses.
type Event struct {
	Description string
	Given       State
	Topic, Key  string
	Type        string
	Data        Body // nil if the consumer reads none
	// ID is the id of the message, if the consumer uses it. It is also in a header, because the consumer must know the id of
	// a message that it cannot decode. Without ID, any id is right.
	ID string
	// Cause is the id of the request that the change names as its cause. Without Cause, the event may have any cause or none.
	Cause string
}

// anyID is the example of an id that the consumer does not use.
const anyID = "0198c0de-8f42-7d19-a3c6-1e5b7f902d48"

// body is the CloudEvents message with the attributes that event.Decode requires.
func (e Event) body() Body {
	body := Body{
		"specversion":      event.SpecVersion,
		"id":               Text(anyID),
		"source":           Text("/source"),
		"type":             e.Type,
		"subject":          e.Key,
		"time":             Moment("2026-03-01T09:30:00.123456Z"),
		"datacontenttype":  event.DataContentType,
		"aggregateversion": Integer(3),
	}
	if e.Data != nil {
		body["data"] = e.Data
	}
	if e.ID != "" {
		body["id"] = e.ID
	}
	if e.Cause != "" {
		body["causationid"] = e.Cause
	}
	return body
}

func (e Event) metadata() map[string]string {
	metadata := map[string]string{metadataTopic: e.Topic, metadataKey: e.Key}
	if e.ID != "" {
		metadata[metadataID] = e.ID
	}
	return metadata
}

// Event adds an event to the contract, and gives the consumer an example of it in the form in which it comes from Kafka.
// Topic, key and header are in the contract as metadata of the message, where all comparisons are exact.
func (c *Contract) Event(e Event, consume func(*testing.T, Delivery)) {
	c.t.Helper()
	c.interaction(e.Description, func(t *testing.T) {
		expected, err := v4.NewAsynchronousPact(v4.Config{Consumer: c.consumer, Provider: c.provider, PactDir: c.dir})
		if err != nil {
			t.Fatal(err)
		}
		content, err := json.Marshal(e.body())
		if err != nil {
			t.Fatal(err)
		}
		err = expected.AddAsynchronousMessage().
			GivenWithParameter(models.ProviderState{Name: e.Given.Name, Parameters: e.Given.Params}).
			ExpectsToReceive(e.Description).
			WithMetadata(e.metadata()).
			WithContent(event.ContentType, content).
			ConsumedBy(func(m v4.AsynchronousMessage) error {
				consume(t, newDelivery(e.Topic, e.Key, cmp.Or(e.ID, anyID), m.Contents))
				return nil
			}).
			Verify(t)
		if err == nil && !t.Failed() {
			c.met++
		}
	})
}

// interaction runs one interaction as a test of its own, with the name that pactfile gives it.
func (c *Contract) interaction(description string, f func(t *testing.T)) {
	c.declared[description] = true
	c.t.Run(pactfile.Interaction{Description: description}.Name(), f)
}

// publish does nothing if only some of the interactions were run, because they are not the whole contract.
func (c *Contract) publish() {
	check := os.Getenv("PACT_CHECK") != ""
	if c.met < len(c.declared) {
		if check {
			c.t.Errorf("%d of %d interactions were run: the contract cannot be checked", c.met, len(c.declared))
		}
		return
	}
	if err := c.publishTo(check); err != nil {
		c.t.Error(err)
	}
}

func (c *Contract) publishTo(check bool) error {
	found, err := pactfile.Read(filepath.Join(c.dir, c.consumer+"-"+c.provider+".json"))
	if err != nil {
		return err
	}
	if len(found.Interactions) != len(c.declared) {
		return fmt.Errorf("%d interactions were written of %d", len(found.Interactions), len(c.declared))
	}
	dir, err := contracts()
	if err != nil {
		return err
	}
	return found.Publish(dir, check)
}
