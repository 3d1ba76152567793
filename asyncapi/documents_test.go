package asyncapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// TestDocumentsMatchTheMachinery compares the documents with the topics and records that the services really make.
func TestDocumentsMatchTheMachinery(t *testing.T) {
	t.Parallel()
	defaults := map[string]string{}
	for _, v := range config.Variables(config.Common{}) {
		defaults[v.Name] = v.Default
	}
	inSync, err := strconv.Atoi(defaults["KAFKA_MIN_INSYNC_REPLICAS"])
	if err != nil {
		t.Fatal(err)
	}
	expiry, err := time.ParseDuration(defaults["REQUEST_EXPIRY"])
	if err != nil {
		t.Fatal(err)
	}
	events := broker.TopicSpec{MinInSyncReplicas: inSync}
	queue := broker.TopicSpec{MinInSyncReplicas: inSync, Retention: config.Requests{Expiry: expiry}.TopicRetention()}
	for name, document := range services.AsyncAPI(t) {
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
							Replicas   int
							Config     map[string]any `yaml:"topicConfiguration"`
						}
					}
				}
				Components struct {
					Schemas struct {
						Headers struct {
							Properties map[string]any
						} `yaml:"Headers"`
					}
				}
			}
			if err := yaml.Unmarshal(document, &doc); err != nil {
				t.Fatal(err)
			}
			if doc.DefaultContentType != event.ContentType {
				t.Errorf("content type is %q, want %q", doc.DefaultContentType, event.ContentType)
			}
			headers := slices.Sorted(maps.Keys(doc.Components.Schemas.Headers.Properties))
			if want := []string{event.HeaderID, event.HeaderContentType, event.HeaderTraceparent}; !slices.Equal(headers, want) {
				t.Errorf("headers are %v, want %v", headers, want)
			}
			for name, channel := range doc.Channels {
				kafka := channel.Bindings.Kafka
				if kafka.Topic != channel.Address {
					t.Errorf("channel %s: address %q, topic %q", name, channel.Address, kafka.Topic)
				}
				if kafka.Partitions != event.Partitions {
					t.Errorf("channel %s: %d partitions, want %d", name, kafka.Partitions, event.Partitions)
				}
				if fmt.Sprint(kafka.Replicas) != defaults["KAFKA_REPLICATION_FACTOR"] {
					t.Errorf("channel %s: %d replicas, want %s", name, kafka.Replicas, defaults["KAFKA_REPLICATION_FACTOR"])
				}
				got := map[string]string{}
				for setting, value := range kafka.Config {
					got[setting] = strings.Trim(fmt.Sprint(value), "[]")
				}
				want := events.Settings()
				if _, limited := kafka.Config["retention.ms"]; limited {
					want = queue.Settings()
				}
				// The services do not set this one. The document has the broker's default, which must not be less than they need.
				const largest = "max.message.bytes"
				if len(got[largest]) < len(want[largest]) || len(got[largest]) == len(want[largest]) && got[largest] < want[largest] {
					t.Errorf("channel %s: %s is %s, less than %s", name, largest, got[largest], want[largest])
				}
				want[largest] = got[largest]
				if !maps.Equal(got, want) {
					t.Errorf("channel %s has the settings %v, want %v", name, got, want)
				}
			}
		})
	}
}
