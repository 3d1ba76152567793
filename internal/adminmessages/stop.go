package adminmessages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// stop is a state in which events do not move, with what a person can do about it.
type stop struct {
	Code    string
	Title   string // a sentence
	Waits   bool   // it ends by itself, and a person has nothing to do
	Reasons []string
	Since   *time.Time // nil if it is not known
	Until   *time.Time // nil if it is not known
	Steps   []step

	instances []string
	logs      map[string][]int // shards or partitions, by topic; "" if the title names the topic
}

// step is one thing that a person can do.
type step struct {
	Text string // in sentences
	// Path is a page below the section that does it, and Link is what the link to it says. Both are empty if no page can do it.
	Path, Link string
	Role       account.Role // that Path needs
	Denied     bool         // the user may not open Path
	Command    string       // for a shell of the service; empty if a page can do it
}

// Acts reports whether the page of the step changes something.
func (s step) Acts() bool { return s.Role != account.Viewer }

// stepsFor returns the steps with whole paths. Pages that the user may not open are left out.
func stepsFor(v *adminui.Visit, steps []step) []step {
	shown := slices.Clone(steps)
	for i, s := range shown {
		switch {
		case s.Path == "":
		case v.User.Role.Includes(s.Role):
			shown[i].Path = v.Path() + s.Path
		default:
			shown[i].Path, shown[i].Denied = "", true
		}
	}
	return shown
}

// mostReasons is how many different reasons a stop shows. Shards often have one reason with different numbers.
const mostReasons = 3

// because adds a reason. Errors that were joined have one line each, often with the same text.
func (s *stop) because(reason string) {
	var lines []string
	for line := range strings.Lines(reason) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	text := adminui.Sentence(strings.Join(lines, "; "))
	if len(lines) > 0 && len(s.Reasons) < mostReasons && !slices.Contains(s.Reasons, text) {
		s.Reasons = append(s.Reasons, text)
	}
}

func (s *stop) at(topic string, number int) {
	if s.logs == nil {
		s.logs = map[string][]int{}
	}
	s.logs[topic] = append(s.logs[topic], number)
}

func (s *stop) began(at time.Time) {
	if s.Since == nil || at.Before(*s.Since) {
		s.Since = &at
	}
}

// Where returns the places of the stop, or "" if it is everywhere.
func (s stop) Where() string {
	places := slices.Clone(s.instances)
	for _, topic := range sortedKeys(s.logs) {
		text := "partition "
		if len(s.logs[topic]) > 1 {
			text = "partitions "
		}
		text += ranges(s.logs[topic])
		if topic != "" {
			text = topic + " " + text
		}
		places = append(places, text)
	}
	return strings.Join(places, "; ")
}

// short returns the title with the places.
func (s stop) short() string {
	if where := s.Where(); where != "" {
		return strings.TrimSuffix(s.Title, ".") + ": " + where + "."
	}
	return s.Title
}

// stops collects stops. Shards, partitions and instances in the same state share one.
type stops []*stop

// of returns the stop with this code and title. If there is none, it adds one with these steps.
func (l *stops) of(code, title string, steps func() []step) *stop {
	for _, s := range *l {
		if s.Code == code && s.Title == title {
			return s
		}
	}
	s := &stop{Code: code, Title: title, Steps: steps()}
	*l = append(*l, s)
	return s
}

func (l stops) has(code outbox.StandstillCode) bool {
	return slices.ContainsFunc(l, func(s *stop) bool { return s.Code == string(code) })
}

// titles returns what needs a person, in sentences: the checks of the service have only the codes.
func (l stops) titles() string {
	var all []string
	for _, s := range l {
		if !s.Waits && !slices.Contains(all, s.Title) {
			all = append(all, s.Title)
		}
	}
	return strings.Join(all, " ")
}

// forUser returns the stops as a user sees them.
func (l stops) forUser(v *adminui.Visit) stops {
	for _, s := range l {
		s.Steps = stepsFor(v, s.Steps)
	}
	return l
}

// sendingStops returns why events of the outbox do not move, the worst first.
func (p *Pages) sendingStops(status outbox.Status) (l stops) {
	for _, h := range status.Halted {
		s := l.of(string(h.Code), standstillTitle(outbox.StandstillCode(h.Code)), func() []step { return p.haltSteps(h.Code, haltedTopics(status, h.Code)) })
		s.because(h.Reason)
		s.at(h.Topic, h.Shard)
		s.began(h.Since)
	}
	for _, paused := range status.Paused {
		title, path := "Sending is paused.", "/relay/resume"
		if paused.Topic != outbox.AllTopics {
			title, path = "Sending "+paused.Topic+" is paused.", path+"?topic="+paused.Topic
		}
		s := l.of(string(outbox.Paused), title, func() []step {
			return []step{{Text: "Ask the person who paused it, or make sure that the cause is gone. Then resume it.", Path: path, Link: "Resume…", Role: account.Admin}}
		})
		s.because(paused.Reason)
		s.began(paused.Since)
	}
	for _, one := range status.Standstills {
		stored := slices.ContainsFunc(status.Halted, func(h outbox.HaltedShard) bool { return string(h.Code) == string(one.Code) })
		if stored || one.Code == outbox.Paused {
			continue
		}
		s := l.of(string(one.Code), standstillTitle(one.Code), func() []step { return p.standstillSteps(one.Code) })
		s.Waits, s.Until = endsByItself(one.Code), one.Until
		s.because(one.Reason)
		if one.Instance != "" && !slices.Contains(s.instances, one.Instance) {
			s.instances = append(s.instances, one.Instance)
		}
		for _, name := range one.Shards {
			end := strings.LastIndex(name, "-") // a name is TOPIC-SHARD
			if number, err := strconv.Atoi(name[end+1:]); err == nil && end > 0 {
				s.at(name[:end], number)
			}
		}
	}
	if l.has(outbox.KafkaFails) { // then it confirms nothing either
		l = slices.DeleteFunc(l, func(s *stop) bool { return s.Code == string(outbox.NotAcknowledged) })
	}
	return l
}

func haltedTopics(status outbox.Status, code outbox.HaltCode) (topics []string) {
	for _, h := range status.Halted {
		if h.Code == code && !slices.Contains(topics, h.Topic) {
			topics = append(topics, h.Topic)
		}
	}
	return topics
}

// receivingStops returns why events of other services are not applied, the worst first. This instance knows only the halts of
// the partitions that it reads itself.
func (p *Pages) receivingStops(partitions []repair.ConsumedPartition, state consumer.State, conflicts map[string]int64) (l stops) {
	for _, one := range state.Partitions {
		if halted(one) {
			tp := broker.TopicPartition{Topic: one.Topic, Partition: one.Partition}
			s := l.of(string(one.HaltCode), haltTitle(one.HaltCode, one.Topic), func() []step { return p.partitionSteps(one.HaltCode, tp) })
			s.because(one.Halted)
			s.at("", one.Partition)
		}
	}
	for _, one := range partitions {
		if one.Paused != nil {
			s := l.of(string(one.Paused.Code), haltTitle(one.Paused.Code, one.Topic), func() []step { return pausedSteps(one.Paused.Code, one.Topic) })
			s.because(one.Paused.Reason)
			s.at("", one.Partition)
			s.began(one.Paused.Since)
		}
	}
	for _, one := range state.Partitions {
		if one.Held != "" && one.Halted == "" {
			tp := broker.TopicPartition{Topic: one.Topic, Partition: one.Partition}
			s := l.of("held", fmt.Sprintf("The service tries an event of %s again and again.", tp), func() []step { return heldSteps(tp) })
			s.because(one.Held)
			if one.HeldSince != nil {
				s.began(*one.HeldSince)
			}
		}
	}
	for _, topic := range p.Repair.Consumes {
		if n := conflicts[topic]; n > 0 {
			l.of(consumer.CopyConflict, conflictTitle(topic, n), func() []step { return p.conflictSteps(topic) })
		}
	}
	return l
}

// halted reports whether this instance does not read the partition, for a reason that is not stored with its position.
func halted(one consumer.PartitionState) bool {
	return one.Halted != "" && one.HaltCode != consumer.Paused && one.HaltCode != consumer.ManyDeadLetters
}
