package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// kafkaTopic has the settings of a topic that its consumers depend on.
type kafkaTopic struct {
	Partitions int         `json:"partitions"`
	Config     topicConfig `json:"topicConfiguration"`
}

type topicConfig struct {
	CleanupPolicy    []string `json:"cleanup.policy"`
	MinCompactionLag int64    `json:"min.compaction.lag.ms"`
	RetentionTime    int64    `json:"retention.ms"`
	RetentionBytes   int64    `json:"retention.bytes"`
	MaxMessageBytes  int64    `json:"max.message.bytes"`
}

// Kafka's defaults for settings that are not in the document. The default of the lag is 0.
const (
	defaultCleanupPolicy   = "delete"
	defaultRetentionTime   = 604800000
	unlimited              = -1 // also the default of retention.bytes
	defaultMaxMessageBytes = 1048588
)

func (c topicConfig) cleanupPolicy() string {
	return cmp.Or(strings.Join(slices.Sorted(slices.Values(c.CleanupPolicy)), ","), defaultCleanupPolicy)
}

// lessKept reports whether a limit of what a topic keeps fell.
func lessKept(was, is int64) bool { return is != unlimited && (was == unlimited || is < was) }

// keepsLess returns the limits that fell of a topic that deletes by age or size.
func (c topicConfig) keepsLess(now topicConfig) (whats []string) {
	if c.cleanupPolicy() == "compact" || now.cleanupPolicy() == "compact" {
		return nil
	}
	for _, limit := range []struct {
		name     string
		was, now int64
		standard int64
	}{
		{"retention.ms", c.RetentionTime, now.RetentionTime, defaultRetentionTime},
		{"retention.bytes", c.RetentionBytes, now.RetentionBytes, unlimited},
	} {
		if was, is := cmp.Or(limit.was, limit.standard), cmp.Or(limit.now, limit.standard); lessKept(was, is) {
			whats = append(whats, fmt.Sprintf("%s fell from %d to %d: a consumer that stands still for longer misses messages", limit.name, was, is))
		}
	}
	return whats
}

// breaks returns the changes of a topic's settings that break its consumers.
func (k kafkaTopic) breaks(now kafkaTopic) (whats []string) {
	add := func(format string, args ...any) { whats = append(whats, fmt.Sprintf(format, args...)) }
	if k.Partitions != now.Partitions {
		add("the number of partitions changed from %d to %d, so keys are in other partitions now", k.Partitions, now.Partitions)
	}
	if was, is := k.Config.cleanupPolicy(), now.Config.cleanupPolicy(); was != is {
		add("cleanup.policy changed from %s to %s: a new consumer builds its copy from the records in the topic, which are no longer the same", was, is)
	}
	if was, is := k.Config.MinCompactionLag, now.Config.MinCompactionLag; is < was {
		add("min.compaction.lag.ms fell from %d to %d: a consumer that stands still for longer no longer reads each change", was, is)
	}
	whats = append(whats, k.Config.keepsLess(now.Config)...)
	was, is := cmp.Or(k.Config.MaxMessageBytes, defaultMaxMessageBytes), cmp.Or(now.Config.MaxMessageBytes, defaultMaxMessageBytes)
	if is < was {
		add("max.message.bytes fell from %d to %d: a larger event can no longer be published", was, is)
	}
	return whats
}

// resolved returns the schema of a key with all references replaced, and without texts that only people read.
func (e *events) resolved(schema any) any {
	s, ok := schema.(map[string]any)
	if !ok {
		return schema
	}
	if r, ok := s["$ref"].(string); ok {
		return e.resolved(e.schemas[ref{r}.name()])
	}
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(keyword string, _ any) bool {
		return strings.HasPrefix(keyword, "x-") || slices.Contains([]string{"title", "description", "examples", "$comment"}, keyword)
	})
	return s
}
