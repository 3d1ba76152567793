package main

import (
	"slices"
	"strings"
	"testing"
)

// A topic that deletes its messages must not keep them for a shorter time than its consumers were promised.
func TestWhatATopicKeeps(t *testing.T) {
	t.Parallel()
	policy := func(policies ...string) []string { return policies }
	for name, c := range map[string]struct {
		was, is topicConfig
		want    []string // the settings that break consumers
	}{
		"as long":           {topicConfig{RetentionTime: 5}, topicConfig{RetentionTime: 5}, nil},
		"longer":            {topicConfig{RetentionTime: 5}, topicConfig{RetentionTime: 6}, nil},
		"shorter":           {topicConfig{RetentionTime: 6}, topicConfig{RetentionTime: 5}, []string{"retention.ms"}},
		"no longer forever": {topicConfig{RetentionTime: -1}, topicConfig{RetentionTime: 5}, []string{"retention.ms"}},
		"forever":           {topicConfig{RetentionTime: 5}, topicConfig{RetentionTime: -1}, nil},
		"Kafka's own time":  {topicConfig{RetentionTime: 604800001}, topicConfig{}, []string{"retention.ms"}},
		"a limit in bytes":  {topicConfig{}, topicConfig{RetentionBytes: 5}, []string{"retention.bytes"}},
		"compacted": {topicConfig{CleanupPolicy: policy("compact"), RetentionTime: 6},
			topicConfig{CleanupPolicy: policy("compact"), RetentionTime: 5}, nil},
		"both": {topicConfig{CleanupPolicy: policy("compact", "delete"), RetentionTime: 6},
			topicConfig{CleanupPolicy: policy("compact", "delete"), RetentionTime: 5}, []string{"retention.ms"}},
		"compacted now": {topicConfig{RetentionTime: 6}, topicConfig{CleanupPolicy: policy("compact"), RetentionTime: 5},
			[]string{"cleanup.policy"}},
	} {
		var got []string
		for _, what := range (kafkaTopic{Config: c.was}).breaks(kafkaTopic{Config: c.is}) {
			setting, _, _ := strings.Cut(what, " ")
			got = append(got, setting)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
