package broker

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// GroupState is a group member's state, for readiness and metrics.
type GroupState struct {
	Group      string
	Joined     bool // the member has its share of partitions, which may be none
	Generation int32
	Missing    []string         // topics that do not exist yet
	Partitions []PartitionState // this member's, by topic and number
	LastError  string           // why the member is not (or not fully) at work; "" when all is well
}

// Halted returns the partitions that wait for somebody to look at them.
func (s GroupState) Halted() []PartitionState {
	return slices.DeleteFunc(slices.Clone(s.Partitions), func(p PartitionState) bool { return p.Halted == "" })
}

// PartitionState is how far one partition was read.
type PartitionState struct {
	TopicPartition
	Next   int64  // the next offset to apply; -1 while it is not known
	End    int64  // the log's end when it was last heard of
	Halted string // why it is not read until somebody has looked; "" when it is
	Error  string // why the handler does not get on; "" when it does
}

// groupStatus is what GroupState tells, as it changes.
type groupStatus struct {
	mu         sync.Mutex
	joined     bool
	missing    []string
	errors     map[string]string // by what they are about
	generation *generation
}

// GroupState returns the state of a group that Consume takes part in on this client, and whether there is one.
func (c *Client) GroupState(group string) (GroupState, bool) {
	c.mu.Lock()
	status, ok := c.groups[group]
	c.mu.Unlock()
	if !ok {
		return GroupState{Group: group}, false
	}
	return status.state(group), true
}

func (s *groupStatus) state(group string) GroupState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := GroupState{Group: group, Joined: s.joined, Missing: slices.Clone(s.missing), LastError: s.lastError()}
	if s.generation != nil && s.joined {
		out.Generation = s.generation.number
		out.Partitions = s.generation.state()
	}
	return out
}

func (c *Client) startGroup(group string) (*groupStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.groups[group]; ok {
		return nil, fmt.Errorf("this client takes part in consumer group %s already", group)
	}
	status := &groupStatus{errors: map[string]string{}}
	c.groups[group] = status
	return status, nil
}

func (c *Client) endGroup(group string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.groups, group)
}

func (s *groupStatus) setMissing(log *slog.Logger, missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Equal(s.missing, missing) {
		return
	}
	if len(missing) > 0 {
		log.Warn("waiting for topics that do not exist yet; their owner creates them", "topics", list(missing))
	} else {
		log.Info("all topics are there", "were_missing", list(s.missing))
	}
	s.missing = missing
}

// setError notes what keeps the group from a part of its work, and logs when that part begins and ceases to fail.
func (s *groupStatus) setError(log *slog.Logger, about, what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failing := s.errors[about]
	switch {
	case err == nil && failing:
		log.Info("works again", "part", about)
		delete(s.errors, about)
	case err != nil:
		if !failing {
			log.Warn(what, "part", about, "error", err)
		}
		s.errors[about] = fmt.Sprintf("%s: %v", what, err)
	}
}

func (s *groupStatus) lastError() string {
	var all []string
	for _, about := range slices.Sorted(maps.Keys(s.errors)) {
		all = append(all, s.errors[about])
	}
	return strings.Join(all, "; ")
}

func (s *groupStatus) setGeneration(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = g != nil
	s.generation = g
	if g == nil { // what it failed at is no longer done
		clear(s.errors)
	}
}
