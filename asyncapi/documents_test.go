package asyncapi_test

import (
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// TestDocumentsMatchTheMachinery holds what the documents say of topics and records against what is really made.
func TestDocumentsMatchTheMachinery(t *testing.T) {
	t.Parallel()
	for name, document := range map[string][]byte{"monolith": asyncapi.Monolith, "catalog": asyncapi.Catalog} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var doc struct {
				DefaultContentType string `yaml:"defaultContentType"`
				Channels           map[string]struct {
					Address  string
					Bindings struct {
						Kafka struct {
							Topic      string
							Partitions int
							Config     struct {
								Cleanup []string `yaml:"cleanup.policy"`
							} `yaml:"topicConfiguration"`
						}
					}
				}
			}
			if err := yaml.Unmarshal(document, &doc); err != nil {
				t.Fatal(err)
			}
			if doc.DefaultContentType != event.ContentType {
				t.Errorf("content type is %q, want %q", doc.DefaultContentType, event.ContentType)
			}
			for name, channel := range doc.Channels {
				kafka := channel.Bindings.Kafka
				if kafka.Topic != channel.Address {
					t.Errorf("channel %s: address %q, topic %q", name, channel.Address, kafka.Topic)
				}
				if kafka.Partitions != event.Partitions {
					t.Errorf("channel %s: %d partitions, want %d", name, kafka.Partitions, event.Partitions)
				}
				if len(kafka.Config.Cleanup) != 1 || kafka.Config.Cleanup[0] != "compact" {
					t.Errorf("channel %s: cleanup.policy %q, want compact alone", name, kafka.Config.Cleanup)
				}
			}
		})
	}
}
