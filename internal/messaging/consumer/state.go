package consumer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// State is the state of a consumer, for readiness, metrics and operators.
type State struct {
	Group      string           `json:"group"`
	Joined     bool             `json:"joined"`
	Missing    []string         `json:"missing,omitempty"`    // topics that do not exist yet
	LastError  string           `json:"last_error,omitempty"` // of the group membership
	Faults     []string         `json:"-"`                    // of the group membership, in words that anyone may read
	Partitions []PartitionState `json:"partitions"`           // of this process, sorted by topic and number
}

// PartitionState is the state of one partition.
type PartitionState struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Position  int64  `json:"position"` // the next offset to apply; -1 while unknown
	Lag       int64  `json:"lag"`      // records from the position to the log's end; -1 while unknown
	// HaltCode is the kind of the halt, and the name of its section in docs/operations.md.
	HaltCode  broker.HaltCode `json:"halt_code,omitempty"`
	Halted    string          `json:"halted,omitempty"`     // why it is not read until an operator decides
	Held      string          `json:"held,omitempty"`       // the error because of which its batch is retried
	HeldSince *time.Time      `json:"held_since,omitempty"` // time of the first failure
	Attempts  int             `json:"attempts,omitempty"`   // at the batch that is retried
	Conflicts int64           `json:"conflicts,omitempty"`  // copies that differ from the last event of their version
}

// State returns the current state. Before Run it has only the partitions that were handled.
func (c *Consumer[T]) State() State {
	c.mu.Lock()
	client, unregistered := c.client, c.unregistered
	c.mu.Unlock()
	var group broker.GroupState
	if client != nil {
		group, _ = client.GroupState(c.cfg.Group)
	}
	s := State{
		Group: c.cfg.Group, Joined: group.Joined, Missing: group.Missing, LastError: group.LastError, Faults: group.Faults,
		Partitions: []PartitionState{},
	}
	if unregistered != nil {
		s.LastError, s.Faults = memberProblem(unregistered), []string{unregisteredFault}
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
	for _, g := range group.Partitions { // only those assigned now: other instances may have moved the others on
		p := c.partitions[g.TopicPartition]
		if p == nil {
			p = &partition{position: -1}
		}
		ps := p.state(g.TopicPartition)
		ps.HaltCode, ps.Halted = g.HaltCode, g.Halted
		if ps.Held == "" {
			ps.Held = g.Error // for example, its position cannot be read
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
		Conflicts: p.conflicts,
	}
	if p.held != "" {
		since := p.heldSince
		s.HeldSince = &since
	}
	return s
}

// Problems returns one sentence for each thing that keeps events from being applied, or keeps a copy from being right.
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
			problems = append(problems, haltProblem(p))
		case p.Held != "":
			problems = append(problems, fmt.Sprintf("%s-%d is held: %s", p.Topic, p.Partition, p.Held))
		}
	}
	return append(problems, conflictProblems(s.Partitions)...)
}

// ForAnyone returns Problems without the texts of errors, which may name hosts, users and data: only names of topics, numbers,
// codes, and sentences of this package.
func (s State) ForAnyone() []string {
	told := slices.Clone(s.Faults)
	if s.LastError != "" && len(told) == 0 {
		told = append(told, "the membership of the consumer group fails")
	}
	for _, topic := range s.Missing {
		told = append(told, "the topic "+topic+" does not exist yet")
	}
	for _, p := range s.Partitions {
		tp := broker.TopicPartition{Topic: p.Topic, Partition: p.Partition}
		switch {
		case p.Halted != "":
			told = append(told, fmt.Sprintf("%s is halted: %s. %s See docs/operations.md, section %[2]s.", tp, p.HaltCode, nextStep(p.HaltCode, tp)))
		case p.Held != "":
			told = append(told, fmt.Sprintf("%s is held at offset %d after %d attempts", tp, p.Position, p.Attempts))
		}
	}
	return append(told, conflictProblems(s.Partitions)...)
}
