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
	Joined     bool // the member has its partitions, possibly none
	Generation int32
	Missing    []string         // topics that do not exist yet
	Partitions []PartitionState // this member's, sorted by topic and number
	Strangers  []Stranger       // the group's leader if it is one; or those that this member, as the leader, has refused
	LastError  string           // why the member does not work, or not completely; "" if it does
	Faults     []string         // what does not work, in words of this package alone, so anyone may read them
}

// Halted returns the partitions that wait for an operator.
func (s GroupState) Halted() []PartitionState {
	return slices.DeleteFunc(slices.Clone(s.Partitions), func(p PartitionState) bool { return p.Halted == "" })
}

// PartitionState is the state of one partition.
type PartitionState struct {
	TopicPartition
	Next   int64  // the next offset to apply; -1 while unknown
	End    int64  // the log's end, as of the last response
	Halted string // why it is not read until an operator corrects the position; "" if it is read
	// HaltCode is the kind of the halt; "" if it is read.
	HaltCode HaltCode
	Error    string // why the handler makes no progress; "" if it does
}

// groupStatus is the changing state that GroupState reports.
type groupStatus struct {
	mu         sync.Mutex
	joined     bool
	missing    []string
	strangers  []Stranger
	errors     map[string]groupError // by the part of the work that fails
	generation *generation
	halts      map[TopicPartition]halt // kept over generations, because a halt ends only for a reason
}

// groupError is an error of one part of the work.
type groupError struct {
	what string // what fails, in words of this package
	text string // with the error
}

// GroupState returns the state of this client's membership in a group. It reports false if Consume is not running for it.
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
	out := GroupState{Group: group, Joined: s.joined, Missing: slices.Clone(s.missing), Strangers: s.strangers, LastError: s.lastError(), Faults: s.faults()}
	if s.generation != nil && s.joined {
		out.Generation = s.generation.number
		out.Partitions = s.generation.partitionStates()
	}
	return out
}

func (c *Client) startGroup(group string) (*groupStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.groups[group]; ok {
		return nil, fmt.Errorf("this client takes part in consumer group %s already", group)
	}
	status := &groupStatus{errors: map[string]groupError{}, halts: map[TopicPartition]halt{}}
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

func (s *groupStatus) setStrangers(strangers []Stranger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers = strangers
}

// setError stores the error of one part of the group's work, nil if it works. It logs when the part starts to fail, and
// when it works again.
func (s *groupStatus) setError(log *slog.Logger, part, what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, failing := s.errors[part]
	switch {
	case err == nil && failing:
		log.Info("works again", "part", part)
		delete(s.errors, part)
	case err != nil:
		if !failing {
			log.Warn(what, "part", part, "error", err)
		}
		s.errors[part] = groupError{what, fmt.Sprintf("%s: %v", what, err)}
	}
}

func (s *groupStatus) halt(tp TopicPartition) (halt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.halts[tp]
	return h, ok
}

// setHalt stores why a partition is halted by its position, or nil.
func (s *groupStatus) setHalt(tp TopicPartition, h *halt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == nil {
		delete(s.halts, tp)
	} else {
		s.halts[tp] = *h
	}
}

func (s *groupStatus) lastError() string {
	var messages []string
	for _, part := range slices.Sorted(maps.Keys(s.errors)) {
		messages = append(messages, s.errors[part].text)
	}
	return strings.Join(messages, "; ")
}

func (s *groupStatus) faults() (list []string) {
	for _, e := range s.errors {
		list = append(list, e.what)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *groupStatus) setGeneration(g *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined = g != nil
	s.generation = g
	if g == nil { // the parts that failed no longer run
		clear(s.errors)
		s.strangers = nil
	}
}
