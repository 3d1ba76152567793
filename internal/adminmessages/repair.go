package adminmessages

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// repairActions are what an admin can do when a database and the logs in Kafka do not fit. They do what the commands adopt,
// consumer reset, outbox republish and outbox reassert do.
func (p *Pages) repairActions() []action {
	return []action{
		{path: "/repair/adopt", role: account.Admin, reason: true, ask: p.askToAdopt, do: p.adopt},
		{path: "/repair/reset", role: account.Admin, reason: true, ask: p.askToReset, do: p.reset},
		{path: "/repair/republish", role: account.Admin, reason: true, ask: p.askToRepublish, do: p.republish},
		{path: "/repair/compare", role: account.Admin, ask: p.askToCompare, do: p.compare},
		{path: "/repair/reassert", role: account.Admin, reason: true, ask: p.askToReassert, do: p.reassert},
	}
}

// kafkaTime is how long Kafka may take to show its topics while a person waits.
const kafkaTime = 10 * time.Second

// askKafka runs f, which asks Kafka. If Kafka does not answer, the page says that nothing has changed.
func (p *Pages) askKafka(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, kafkaTime)
	defer cancel()
	err := f(limited)
	if err == nil || ctx.Err() != nil || apperr.KindOf(err) != apperr.Internal {
		return err
	}
	if _, known := refusal(err); known {
		return err
	}
	p.Log.WarnContext(ctx, "a repair on the admin pages failed", "error", err)
	return conflict("Kafka or the database did not answer, so nothing has changed. The log of the service has the error. Try again when the first page says that all parts work.")
}

// placeOf returns the place in a log that a form names. Without one, it is the start.
func placeOf(in input, name string) (place consumer.Place, text string, err error) {
	if text = in.values.Get(name); text == "" {
		text = "start"
	}
	place, err = consumer.ParsePlace(text)
	return place, text, err
}

// otherPlace returns the link to the same question about the other end of the logs.
func otherPlace(path, name, text string, keep url.Values) (other link) {
	values := url.Values{name: {"end"}}
	other.Text = "Pass over what is in the topics, and apply only new events. What is passed over is never applied."
	if text != "start" {
		values.Set(name, "start")
		other.Text = "Read the topics from their start. What was applied before changes nothing."
	}
	for key, value := range keep {
		if key != name {
			values[key] = value
		}
	}
	other.Path = path + "?" + values.Encode()
	return other
}

func (p *Pages) askToAdopt(ctx context.Context, in input) (question, error) {
	place, text, err := placeOf(in, "positions")
	if err != nil {
		return question{}, err
	}
	if text != "start" && text != "end" {
		return question{}, malformed("The positions have to be start or end.")
	}
	var found repair.Adopted
	err = p.askKafka(ctx, func(ctx context.Context) (err error) {
		found, err = p.Repair.Adopt(ctx, audit.Operator{}, repair.AdoptOptions{Positions: place, DryRun: true})
		return err
	})
	if err != nil {
		return question{}, err
	}
	keep := url.Values{"positions": {text}}
	return question{
		Title: "Accept what is in Kafka now?", Button: "Accept it", Danger: true, Back: "/relay", Keep: keep,
		Facts: append([]fact{{"Kafka cluster", found.ClusterID}}, adoptedFacts(found)...),
		Follows: []string{
			"This service goes on with the present cluster and topics. Topics that are the same as before stay as they are.",
			"What such a topic has lost is not in it afterwards. Next, send everything again: the page “Sending” has a button for it.",
			"Never do this in a copy of a database that is still in use: both would send to the same topics.",
		},
		Others: []link{otherPlace("/repair/adopt", "positions", text, keep)},
	}, nil
}

// adoptedFacts says how many logs and positions change, topic by topic.
func adoptedFacts(a repair.Adopted) (facts []fact) {
	logs, positions := map[string]int{}, map[string][]string{}
	for _, l := range a.Publishes {
		logs[l.Topic]++
	}
	for _, c := range a.Consumes {
		positions[c.Topic] = append(positions[c.Topic], fmt.Sprintf("%d to offset %d", c.Partition, c.To))
	}
	for _, topic := range sortedKeys(logs) {
		facts = append(facts, fact{"Sent by this service: " + topic, counted(logs[topic], "log is accepted", "logs are accepted")})
	}
	for _, topic := range sortedKeys(positions) {
		facts = append(facts, fact{"Read by this service: " + topic, counted(len(positions[topic]), "position moves: partition ", "positions move: partition ") + listed(positions[topic])})
	}
	if len(facts) == 0 {
		facts = []fact{{"Topics that changed", "none; halted shards begin again"}}
	}
	return facts
}

func (p *Pages) adopt(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	place, _, err := placeOf(in, "positions")
	if err != nil {
		return outcome{}, err
	}
	var done repair.Adopted
	err = p.askKafka(ctx, func(ctx context.Context) (err error) {
		done, err = p.Repair.Adopt(ctx, by, repair.AdoptOptions{Positions: place})
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{p.afterAdoption(done), accepted}, nil
}

const accepted = "What is in Kafka is accepted. Sending and receiving go on within some seconds. If a topic of this service has lost events, send everything again now."

// afterAdoption returns the page on which a person goes on: usually, what the topics have lost has to be sent again.
func (p *Pages) afterAdoption(done repair.Adopted) string {
	topics := map[string]bool{}
	for _, l := range done.Publishes {
		for _, m := range p.Models {
			if m.Topic == l.Topic {
				topics[l.Topic] = true
			}
		}
	}
	switch {
	case len(topics) == 1:
		return "/repair/republish?topic=" + url.QueryEscape(sortedKeys(topics)[0])
	case len(topics) > 1:
		return "/repair/republish"
	case len(done.Consumes) > 0:
		return "/consumer"
	}
	return "/relay"
}

// resetOf returns what a form says about a reset, and the place as a text.
func (p *Pages) resetOf(in input) (o repair.ResetOptions, place string, err error) {
	c, err := p.consuming(in)
	if err != nil {
		return o, "", err
	}
	o.Topic, o.Partition = c.Topic, c.Partition
	o.To, place, err = placeOf(in, "to")
	return o, place, err
}

func (p *Pages) askToReset(ctx context.Context, in input) (question, error) {
	o, place, err := p.resetOf(in)
	if err != nil {
		return question{}, err
	}
	o.DryRun = true
	var changes []consumer.PositionChange
	err = p.askKafka(ctx, func(ctx context.Context) (err error) {
		changes, err = p.Repair.Reset(ctx, audit.Operator{}, o)
		return err
	})
	if err != nil {
		return question{}, err
	}
	which := repair.Consuming{Topic: o.Topic, Partition: o.Partition}
	keep := keepPartition(which)
	q := question{
		Title: "Read " + nameOf(which) + " from another place?", Button: "Read from there", Danger: true, Back: "/consumer", Keep: keepPartition(which),
		Follows: []string{
			"The copies stay as they are. Events that were applied before change nothing, because the copies have their version already.",
			"Events that are passed over are never applied.",
		},
		Others: []link{otherPlace("/repair/reset", "to", place, keep)},
		Offset: &offsetForm{Action: "/repair/reset", Keep: keep},
	}
	q.Keep.Set("to", place)
	for _, c := range changes {
		from := "the beginning"
		if c.From != nil {
			from = "offset " + strconv.FormatInt(*c.From, 10)
		}
		q.Facts = append(q.Facts, fact{fmt.Sprintf("Partition %d", c.Partition), fmt.Sprintf("from %s to offset %d", from, c.To)})
	}
	if o.Partition == consumer.AllPartitions {
		q.Offset = nil // an offset means something in one partition only
	}
	return q, nil
}

func (p *Pages) reset(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	o, _, err := p.resetOf(in)
	if err != nil {
		return outcome{}, err
	}
	var changes []consumer.PositionChange
	err = p.askKafka(ctx, func(ctx context.Context) (err error) {
		changes, err = p.Repair.Reset(ctx, by, o)
		return err
	})
	if err != nil {
		return outcome{}, err
	}
	return outcome{"/consumer", fmt.Sprintf("%s of %s. The service reads on from there within some seconds.", counted(len(changes), "position", "positions"), o.Topic)}, nil
}

// modelsOf returns the models of the topic that a form names, or all models.
func (p *Pages) modelsOf(in input) (models []repair.Model, topic string, err error) {
	topic = in.values.Get("topic")
	for _, m := range p.Models {
		if topic == "" || m.Topic == topic {
			models = append(models, m)
		}
	}
	if len(models) == 0 {
		return nil, topic, malformed("This service has nothing that it could send to the topic.")
	}
	return models, topic, nil
}

func (p *Pages) askToRepublish(ctx context.Context, in input) (question, error) {
	models, topic, err := p.modelsOf(in)
	if err != nil {
		return question{}, err
	}
	q := question{
		Title: "Send the state of everything again?", Button: "Send everything again", Back: "/relay", Keep: url.Values{"topic": {topic}},
		Follows: []string{
			"The service appends one event for each thing that it owns, deleted ones too, with its present state and version. Things whose last event is unsent need none.",
			fmt.Sprintf("It appends at most %d events a second, so that other events are not delayed. The next page shows the progress.", repairRate),
			"Services that have the version already ignore the event. Nothing is lost.",
		},
	}
	status, err := outbox.ReadStatus(ctx, p.Repair.Pool)
	if err != nil {
		return question{}, err
	}
	for _, m := range models {
		n, err := repair.Count(ctx, p.Repair.Pool, m)
		if err != nil {
			return question{}, err
		}
		q.Facts = append(q.Facts, fact{m.Topic, counted(n, "event at most", "events at most")})
		if slices.Contains(haltedTopics(status, outbox.TopicRecreated), m.Topic) || slices.Contains(haltedTopics(status, outbox.LogTruncated), m.Topic) {
			q.Follows = append(q.Follows, "First accept what is in Kafka: sending "+m.Topic+" is still halted, so the events would wait.")
		}
	}
	return q, nil
}

func (p *Pages) republish(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	models, topic, err := p.modelsOf(in)
	if err != nil {
		return outcome{}, err
	}
	return p.begin(ctx, by, republishing, progress{Topic: topic}, func(ctx context.Context, r *report) error {
		results, err := repair.Republish(ctx, p.Repair.Pool, models, by, repair.RepublishOptions{Rate: repairRate, Progress: r.reached})
		for _, one := range results {
			r.count(one.Topic+": events that were appended", one.Appended)
			r.count(one.Topic+": things whose last event was unsent", one.Pending)
		}
		return err
	})
}
