package asyncapi_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// TestDocumentsMatchTheMachinery holds what the documents say of topics and records against what is really made.
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
	made := broker.TopicSpec{MinInSyncReplicas: inSync}
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
				if fmt.Sprint(kafka.Replicas) != defaults["KAFKA_REPLICATION_FACTOR"] {
					t.Errorf("channel %s: %d replicas, want %s", name, kafka.Replicas, defaults["KAFKA_REPLICATION_FACTOR"])
				}
				got := map[string]string{}
				for setting, value := range kafka.Config {
					got[setting] = strings.Trim(fmt.Sprint(value), "[]")
				}
				want := made.Settings()
				// This one is left at the broker's default, which the document tells, and has to be enough.
				const largest = "max.message.bytes"
				if len(got[largest]) < len(want[largest]) || len(got[largest]) == len(want[largest]) && got[largest] < want[largest] {
					t.Errorf("channel %s: %s is %s, less than %s", name, largest, got[largest], want[largest])
				}
				want[largest] = got[largest]
				if !maps.Equal(got, want) {
					t.Errorf("channel %s has the settings %v, made with %v", name, got, want)
				}
			}
		})
	}
}
