package consumer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// State is how a consumer is doing, for readiness, metrics and people.
type State struct {
	Group      string           `json:"group"`
	Joined     bool             `json:"joined"`
	Missing    []string         `json:"missing,omitempty"`    // topics that do not exist yet
	LastError  string           `json:"last_error,omitempty"` // of the group
	Partitions []PartitionState `json:"partitions"`           // this process's, by topic and number
}

// PartitionState is how one partition is doing.
type PartitionState struct {
	Topic     string     `json:"topic"`
	Partition int        `json:"partition"`
	Position  int64      `json:"position"`             // the next offset to apply; -1 while unknown
	Lag       int64      `json:"lag"`                  // records behind the log's end; -1 while unknown
	Halted    string     `json:"halted,omitempty"`     // why it is not read until somebody has looked
	Held      string     `json:"held,omitempty"`       // the error for which its batch waits
	HeldSince *time.Time `json:"held_since,omitempty"` // when the waiting began
	Attempts  int        `json:"attempts,omitempty"`   // at the batch that waits
}

// State returns the state of now. Before Run it knows the partitions alone that were handled.
func (c *Consumer[T]) State() State {
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	var group broker.GroupState
	if client != nil {
		group, _ = client.GroupState(c.cfg.Group)
	}
	s := State{
		Group: c.cfg.Group, Joined: group.Joined, Missing: group.Missing, LastError: group.LastError,
		Partitions: []PartitionState{},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client == nil {
		for tp, p := range c.partitions {
			s.Partitions = append(s.Partitions, p.state(tp))
		}
		slices.SortFunc(s.Partitions, func(a, b PartitionState) int {
			return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
		})
		return s
	}
	for _, g := range group.Partitions { // those assigned now: others may have moved on elsewhere
		p := c.partitions[g.TopicPartition]
		if p == nil {
			p = &partition{position: -1}
		}
		ps := p.state(g.TopicPartition)
		ps.Halted = g.Halted
		if ps.Held == "" {
			ps.Held = g.Error // its position cannot be read, say
		}
		if ps.Position >= 0 {
			ps.Lag = max(g.End-ps.Position, 0)
		}
		s.Partitions = append(s.Partitions, ps)
	}
	return s
}

func (p *partition) state(tp broker.TopicPartition) PartitionState {
	s := PartitionState{
		Topic: tp.Topic, Partition: tp.Partition, Position: p.position, Lag: -1, Held: p.held, Attempts: p.failures,
	}
	if p.held != "" {
		since := p.heldSince
		s.HeldSince = &since
	}
	return s
}

// Problems returns a sentence for everything that keeps events from being applied; none when all is well.
func (s State) Problems() []string {
	var problems []string
	if s.LastError != "" {
		problems = append(problems, s.LastError)
	}
	for _, topic := range s.Missing {
		problems = append(problems, "the topic "+topic+" does not exist yet")
	}
	for _, p := range s.Partitions {
		switch {
		case p.Halted != "":
			problems = append(problems, fmt.Sprintf("%s-%d is halted: %s", p.Topic, p.Partition, p.Halted))
		case p.Held != "":
			problems = append(problems, fmt.Sprintf("%s-%d is held: %s", p.Topic, p.Partition, p.Held))
		}
	}
	return problems
}
