package adminmessages

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// advice is what a page says about a standstill of the outbox that is not a halt.
type advice struct {
	title string // a sentence
	text  string // what to do, in sentences
	waits bool   // it ends by itself, and a person has nothing to do
	path  string // a page of the section that shows more, with what the link says
	link  string
}

// standstills has what each standstill means, by its code.
var standstills = map[outbox.StandstillCode]advice{
	outbox.EpochsUsedUp:       {title: "A shard rests before it takes a new producer id.", text: "Wait. It ends by itself.", waits: true},
	outbox.CutOff:             {title: "Kafka does not answer an instance, although it answers another one.", text: "The other instances have taken over its shards. Repair the network between this instance and Kafka, or stop the instance."},
	outbox.KafkaFails:         {title: "Kafka does not answer, or a partition has no leader.", text: "Make sure that Kafka runs, and that KAFKA_BROKERS names its addresses. Nothing is lost: the events wait here, and are sent by themselves when Kafka answers again."},
	outbox.DatabaseFails:      {title: "The database does not answer the sender of events, or refuses it.", text: "Make sure that PostgreSQL runs and has free connections. The log of the service has the error. Sending goes on by itself."},
	outbox.ComparisonFails:    {title: "A log in Kafka cannot be compared with the database.", text: "Make sure that Kafka and PostgreSQL answer. The comparison begins again by itself."},
	outbox.MigrationsUnfit:    {title: "The database has another number of shards than this release.", text: "Run the same release of this service everywhere, with its migrations."},
	outbox.UnknownTopic:       {title: "There are events of a topic that this release does not send.", text: "Start the release of this service that sends the topic. Its events wait until then.", path: "/outbox", link: "Show the events"},
	outbox.Comparing:          {title: "A long log in Kafka is compared with the database.", text: "Wait. It ends by itself.", waits: true},
	outbox.OpensSlowly:        {title: "A shard has waited long until it could begin.", text: "Wait a minute. If it stays, look at the state of Kafka: a broker may be slow or missing.", waits: true},
	outbox.NotAcknowledged:    {title: "Kafka has not confirmed events for a long time.", text: "Look at the state of Kafka: a broker may be slow, or too few replicas may be in sync. The service tries again by itself."},
	outbox.PredecessorMissing: {title: "An event waits for an earlier event of the same key, which cannot be sent.", text: "Look for the earlier event. If Kafka refuses it, try it again or discard it.", path: "/outbox", link: "Show the events"},
	outbox.Blocked:            {title: "Kafka refuses events.", text: "See which ones and why. Then try them again, or discard them.", path: "/outbox", link: "Show the refused events"},
	outbox.NoHolder:           {title: "No running instance sends the events of a shard.", text: "Make sure that an instance of this service runs. It takes the shard some seconds after its start."},
	outbox.Paused:             {title: "Sending is paused."},
	// The halts.
	outbox.StandstillCode(outbox.ForeignCluster):  {title: "This is another Kafka cluster than before."},
	outbox.StandstillCode(outbox.TopicRecreated):  {title: "A topic was deleted and created again."},
	outbox.StandstillCode(outbox.LogTruncated):    {title: "Kafka has lost events that it had confirmed."},
	outbox.StandstillCode(outbox.HistoriesParted): {title: "Kafka has events that this database does not know."},
	outbox.StandstillCode(outbox.FencedByAnother): {title: "Another database sends events in place of this one."},
	outbox.StandstillCode(outbox.TopicsUnfit):     {title: "A topic is missing, or has the wrong number of partitions."},
	outbox.StandstillCode(outbox.RefusedByKafka):  {title: "Kafka does not let this service send events."},
}

func standstillTitle(code outbox.StandstillCode) string { return standstills[code].title }

func endsByItself(code outbox.StandstillCode) bool { return standstills[code].waits }

func (p *Pages) standstillSteps(code outbox.StandstillCode) []step {
	a := standstills[code]
	if a.text == "" {
		return p.haltSteps(outbox.HaltCode(code), nil)
	}
	return []step{{Text: a.text, Path: a.path, Link: a.link, Role: account.Viewer}}
}

// acceptStep leads to the page that accepts what is in Kafka now.
func acceptStep(text string) step {
	return step{Text: text, Path: "/repair/adopt", Link: "Accept what is in Kafka…", Role: account.Admin}
}

// againSteps lead to the page that sends the state of everything again, one for each topic that has a model.
func (p *Pages) againSteps(text string, topics []string) (steps []step) {
	for _, m := range p.Models {
		if topics == nil || slices.Contains(topics, m.Topic) {
			steps = append(steps, step{Text: fmt.Sprintf(text, m.Topic), Path: "/repair/republish?topic=" + url.QueryEscape(m.Topic), Link: "Send everything again…", Role: account.Admin})
		}
	}
	return steps
}

const sendAgain = "Send the state of everything in %s again, so that the other services get what the topic lacks."

// haltSteps says how to end a halt of the outbox.
func (p *Pages) haltSteps(code outbox.HaltCode, topics []string) []step {
	switch code {
	case outbox.ForeignCluster:
		return append([]step{
			{Text: "Is it the wrong cluster? Correct KAFKA_BROKERS, and start the service again. Do nothing else then."},
			acceptStep("Was Kafka moved on purpose? Accept the new cluster. Do the same in the admin pages of the other services."),
		}, p.againSteps(sendAgain, nil)...)
	case outbox.TopicRecreated:
		return append([]step{
			{Text: "Find out who deleted the topic, and why. It may happen again."},
			acceptStep("Accept the new topic. Do the same in the admin pages of the services that read it."),
		}, p.againSteps(sendAgain, topics)...)
	case outbox.LogTruncated:
		return append(append([]step{acceptStep("Accept the log as it is now.")}, p.againSteps(sendAgain, topics)...),
			step{Text: "In the admin pages of the services that read the topic, choose “Receiving”, and read the topic again from its start."})
	case outbox.HistoriesParted:
		return []step{
			{Text: "Is this database a copy of another one that is still in use? Stop this service, and give it another KAFKA_PREFIX or another cluster. Do nothing else then: it would replace the data of all services by the data of the copy."},
			{Text: "Has this database lost changes, for example because a backup was restored? Restore one that has every change, if there is one. If there is none, compare both sides first. The comparison changes nothing.", Path: "/repair/compare", Link: "Compare…", Role: account.Admin},
			{Text: "Has a person written into the topic by hand, with keys that this service never had? A page cannot know whether that is true, so this needs a command:", Command: p.Program + ` adopt --positions start --accept-unknown-events --reason "WHY"`},
		}
	case outbox.FencedByAnother:
		return []step{
			{Text: "Find the service that uses a copy of this database, and stop it."},
			acceptStep("Then go on here. The service takes new producer ids."),
		}
	case outbox.TopicsUnfit:
		return []step{{Text: "Create or change the topic as the reason says. Sending goes on by itself."}}
	}
	return []step{{Text: "Change the settings of this service, or its permissions in Kafka, as the reason says. Sending goes on by itself."}}
}

// haltTitle says what a halt or a pause of a consumed topic is.
func haltTitle(code broker.HaltCode, topic string) string {
	text, known := map[broker.HaltCode]string{
		broker.HaltTopicRecreated: "The topic %s was deleted and created again.",
		broker.HaltLogTruncated:   "Kafka has lost events of %s that this service has applied.",
		broker.HaltRecordsDeleted: "Kafka has deleted events of %s before this service applied them.",
		broker.HaltLogUnreadable:  "A part of %s is damaged, and cannot be read.",
		consumer.Paused:           "Receiving %s is paused.",
		consumer.ManyDeadLetters:  "Receiving %s is paused: many events in a row could not be applied.",
	}[code]
	if !known {
		text = "Receiving %s is halted."
	}
	return fmt.Sprintf(text, topic)
}

// partitionSteps says how to end a halt of a consumed partition.
func (p *Pages) partitionSteps(code broker.HaltCode, tp broker.TopicPartition) []step {
	again := "/repair/reset?" + url.Values{"topic": {tp.Topic}, "to": {"start"}}.Encode()
	switch code {
	case broker.HaltTopicRecreated:
		return []step{
			{Text: "Has this service another Kafka cluster now by mistake? Correct KAFKA_BROKERS, and start the service again."},
			acceptStep("Otherwise accept the new topic, in the admin pages of its owner too. The owner sends everything again there."),
		}
	case broker.HaltLogTruncated:
		return []step{
			{Text: "In the admin pages of the service that owns the topic, choose “Sending”, and send everything again."},
			{Text: "Then read the topic again from its start. What was applied before changes nothing.", Path: again, Link: "Read it again…", Role: account.Admin},
		}
	case broker.HaltRecordsDeleted:
		return []step{{Text: "Read what is left of the topic. The last event of each key is still there.", Path: again, Link: "Read it again…", Role: account.Admin}}
	}
	pass := "/repair/reset?" + url.Values{"topic": {tp.Topic}, "partition": {strconv.Itoa(tp.Partition)}, "to": {"end"}}.Encode()
	return []step{
		{Text: "Restore the log in Kafka from a replica, if there is one. Reading goes on by itself."},
		{Text: "Otherwise pass over the damaged part. The reason names its offset.", Path: pass, Link: "Choose another offset…", Role: account.Admin},
		{Text: "Afterwards, in the admin pages of the service that owns the topic, choose “Sending”, and send everything again."},
	}
}

// pausedSteps says how to end a pause of a consumed topic.
func pausedSteps(code broker.HaltCode, topic string) []step {
	resume := step{Text: "Ask the person who paused it, or make sure that the cause is gone. Then resume it.", Path: "/consumer/resume?topic=" + url.QueryEscape(topic), Link: "Resume…", Role: account.Admin}
	if code != consumer.ManyDeadLetters {
		return []step{resume}
	}
	resume.Text = "Resume it."
	return []step{
		{Text: "Read why the events failed, and repair the cause: usually this service or the sender has a new release that does not fit.", Path: "/dead-letters?topic=" + url.QueryEscape(topic), Link: "Show the dead letters", Role: account.Viewer},
		resume,
		{Text: "Replay the dead letters."},
	}
}

func heldSteps(tp broker.TopicPartition) []step {
	skip := "/consumer/skip?" + url.Values{"topic": {tp.Topic}, "partition": {strconv.Itoa(tp.Partition)}}.Encode()
	return []step{
		{Text: "Repair the cause that the reason names, for example a database that does not answer. The service goes on by itself."},
		{Text: "If only this event cannot be applied, skip it. The service keeps it as a dead letter.", Path: skip, Link: "Skip the event…", Role: account.Admin},
	}
}

func conflictTitle(topic string, n int64) string {
	if n == 1 {
		return "1 copy differs from its event in " + topic + "."
	}
	return fmt.Sprintf("%d copies differ from their events in %s.", n, topic)
}

// conflictSteps says what to do about copies that have other data than the last event of their version.
func (p *Pages) conflictSteps(topic string) []step {
	return []step{
		{Text: "The command lists the keys:", Command: p.Program + " copy conflicts --topic " + topic},
		{Text: "In the admin pages of the service that owns the topic, choose “Sending”. If the page says that the database lost changes, follow it."},
		{Text: "Otherwise another program has written into the topic. Send everything again there, or save the thing again in its owner. The alarm ends with the next version."},
	}
}
