package adminmessages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// consumerPage is the data of the page about the consumer.
type consumerPage struct {
	Topics   []consumedTopic
	Problems []string // of this instance
	Stops    stops
	NoLag    bool  // Kafka did not say where the logs end
	Behind   int64 // over all partitions
}

// consumedTopic is a topic that the service reads.
type consumedTopic struct {
	Name       string
	Partitions []partition
	Behind     int64
	Paused     int // partitions
	Halted     int // partitions
}

// partition says how far the consumer is in a partition.
type partition struct {
	repair.ConsumedPartition
	Known    bool // where the log ends is known
	Halted   bool // it is not read
	Held     bool // its next event is tried again
	Attempts int
	Here     bool // this instance reads it
}

// logsTime is how long a page waits for Kafka to say where the logs end.
const logsTime = 3 * time.Second

func (p *Pages) consumer(v *adminui.Visit) error {
	partitions, known, err := p.positions(v.R.Context())
	if err != nil {
		return err
	}
	state := p.State()
	conflicts, err := consumer.CountConflicts(v.R.Context(), p.Repair.Pool)
	if err != nil {
		return err
	}
	page := consumerPage{NoLag: !known, Problems: memberProblems(state), Stops: p.receivingStops(partitions, state, conflicts).forUser(v)}
	for _, name := range p.Repair.Consumes {
		page.Topics = append(page.Topics, consumedTopic{Name: name})
	}
	for _, one := range partitions {
		i := slices.IndexFunc(page.Topics, func(t consumedTopic) bool { return t.Name == one.Topic })
		if i < 0 {
			continue // of an earlier release
		}
		t := &page.Topics[i]
		row := rowOf(one, state)
		row.Known = known
		t.Behind += one.Behind
		page.Behind += one.Behind
		if one.Paused != nil {
			t.Paused++
		}
		if row.Halted {
			t.Halted++
		}
		t.Partitions = append(t.Partitions, row)
	}
	return v.Render(http.StatusOK, "consumer", page)
}

// memberProblems returns what keeps this instance from reading anything. An error that many partitions have is shown once.
func memberProblems(s consumer.State) (problems []string) {
	s.Partitions = nil
	for _, one := range s.Problems() {
		for text := range strings.SplitSeq(one, "; ") {
			if text = adminui.Sentence(text); !slices.Contains(problems, text) {
				problems = append(problems, text)
			}
		}
	}
	return problems
}

// positions returns how far the consumer is. If Kafka does not answer, the positions alone are known.
func (p *Pages) positions(ctx context.Context) (partitions []repair.ConsumedPartition, known bool, err error) {
	logs, cancel := context.WithTimeout(ctx, logsTime)
	defer cancel()
	if partitions, err = p.Repair.Consumption(logs); err == nil {
		return partitions, true, nil
	}
	p.Log.WarnContext(ctx, "a page could not ask Kafka how far the consumer is behind", "error", err)
	partitions, err = p.storedPositions(ctx)
	return partitions, false, err
}

// storedPositions returns what the database knows of the positions.
func (p *Pages) storedPositions(ctx context.Context) (partitions []repair.ConsumedPartition, err error) {
	positions, err := consumer.Positions(ctx, p.Repair.Pool)
	for _, one := range positions {
		partitions = append(partitions, repair.ConsumedPartition{
			Topic: one.Topic, Partition: one.Partition, Position: one.Offset, MovedAt: one.MovedAt, Paused: one.Paused,
		})
	}
	return partitions, err
}

// rowOf adds what this instance knows about a partition.
func rowOf(one repair.ConsumedPartition, state consumer.State) partition {
	row := partition{ConsumedPartition: one}
	for _, s := range state.Partitions {
		if s.Topic != one.Topic || s.Partition != one.Partition {
			continue
		}
		row.Here, row.Held, row.Attempts, row.Halted = true, s.Held != "", s.Attempts, one.Paused == nil && halted(s)
	}
	return row
}

// consumerActions are what a person can do with the partitions that the service reads.
func (p *Pages) consumerActions() []action {
	return []action{
		{path: "/consumer/pause", role: account.Admin, reason: true, ask: p.askToPause, do: p.pause},
		{path: "/consumer/resume", role: account.Admin, ask: p.askToResume, do: p.resume},
		{path: "/consumer/skip", role: account.Admin, reason: true, ask: p.askToSkip, do: p.skip},
	}
}

// consuming returns the partition that a form names, or all partitions of its topic.
func (p *Pages) consuming(in input) (repair.Consuming, error) {
	c := repair.Consuming{Topic: in.values.Get("topic"), Partition: consumer.AllPartitions}
	if !slices.Contains(p.Repair.Consumes, c.Topic) {
		return c, malformed("This service does not read the topic.")
	}
	text := in.values.Get("partition")
	if text == "" {
		return c, nil
	}
	n, err := strconv.ParseInt(text, 10, 31)
	if err != nil || n < 0 {
		return c, malformed("The partition has to be a number.")
	}
	c.Partition = int(n)
	return c, nil
}

func nameOf(c repair.Consuming) string {
	if c.Partition == consumer.AllPartitions {
		return "the topic " + c.Topic
	}
	return fmt.Sprintf("partition %d of %s", c.Partition, c.Topic)
}

func keepPartition(c repair.Consuming) url.Values {
	values := url.Values{"topic": {c.Topic}}
	if c.Partition != consumer.AllPartitions {
		values.Set("partition", strconv.Itoa(c.Partition))
	}
	return values
}

func (p *Pages) askToPause(ctx context.Context, in input) (question, error) {
	c, err := p.consuming(in)
	if err != nil {
		return question{}, err
	}
	c.DryRun = true
	found, err := p.Repair.Pause(ctx, audit.Operator{}, c)
	if err != nil {
		return question{}, err
	}
	if len(found) == 0 {
		return question{}, conflict("Nothing is left to pause there: it is paused already, or was never read.")
	}
	return question{
		Title: "Pause " + nameOf(c) + "?", Button: "Pause", Danger: true, Keep: keepPartition(c), Back: "/consumer",
		Facts: []fact{{"Partitions that will pause", partitionsOf(found)}},
		Follows: []string{
			"The service stops reading there within a few seconds. Its copies get old.",
			"Nothing is lost. After “Resume” it goes on where it was, if Kafka still keeps the events.",
		},
	}, nil
}

func partitionsOf(all []consumer.PausedPartition) string {
	text := ""
	for i, one := range all {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(one.Partition)
	}
	return text
}

func (p *Pages) pause(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	c, err := p.consuming(in)
	if err != nil {
		return outcome{}, err
	}
	found, err := p.Repair.Pause(ctx, by, c)
	if err != nil {
		return outcome{}, err
	}
	if len(found) == 0 {
		return outcome{"/consumer", "Nothing was left to pause."}, nil
	}
	return outcome{"/consumer", adminui.Sentence(nameOf(c) + " is paused")}, nil
}

func (p *Pages) askToResume(ctx context.Context, in input) (question, error) {
	c, err := p.consuming(in)
	if err != nil {
		return question{}, err
	}
	c.DryRun = true
	found, err := p.Repair.Resume(ctx, audit.Operator{}, c)
	if err != nil {
		return question{}, err
	}
	if len(found) == 0 {
		return question{}, conflict("Nothing is paused there any more.")
	}
	q := question{
		Title: "Resume " + nameOf(c) + "?", Button: "Resume", Keep: keepPartition(c), Back: "/consumer",
		Follows: []string{"The service goes on reading within a few seconds, where it was. Dead letters stay as they are."},
	}
	for _, one := range found[:min(len(found), mostFacts)] {
		q.Facts = append(q.Facts, fact{fmt.Sprintf("Partition %d", one.Partition), one.Reason})
		if one.Code == consumer.ManyDeadLetters && len(q.Follows) == 1 {
			q.Follows = append(q.Follows, "The service paused because too many events in a row failed. First repair the cause, or it pauses again.")
		}
	}
	return q, nil
}

func (p *Pages) resume(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	c, err := p.consuming(in)
	if err != nil {
		return outcome{}, err
	}
	found, err := p.Repair.Resume(ctx, by, c)
	if err != nil {
		return outcome{}, err
	}
	if len(found) == 0 {
		return outcome{"/consumer", "Nothing was paused there any more."}, nil
	}
	return outcome{"/consumer", adminui.Sentence(nameOf(c) + " goes on")}, nil
}

func (p *Pages) askToSkip(_ context.Context, in input) (question, error) {
	c, err := p.consuming(in)
	if err != nil {
		return question{}, err
	}
	if c.Partition == consumer.AllPartitions {
		return question{}, malformed("The partition is missing.")
	}
	return question{
		Title: "Skip the next event of " + nameOf(c) + "?", Button: "Skip the event", Danger: true, Keep: keepPartition(c), Back: "/consumer",
		Follows: []string{
			"The service does not apply the next event. It keeps the event as a dead letter, and goes on with the one after it.",
			"You can replay the dead letter when the cause is repaired.",
		},
	}, nil
}

func (p *Pages) skip(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	c, err := p.consuming(in)
	if err != nil {
		return outcome{}, err
	}
	letter, err := p.Skip(ctx, p.Repair.Kafka, broker.TopicPartition{Topic: c.Topic, Partition: c.Partition}, by)
	if err != nil {
		return outcome{}, err
	}
	return outcome{fmt.Sprintf("/dead-letters/%d", letter.ID), fmt.Sprintf("The event at offset %d is skipped. It is now dead letter %d.", letter.Offset, letter.ID)}, nil
}
