package outbox

import (
	"time"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// An instance that reaches the database but not Kafka would keep its shards forever beside a healthy instance. So it gives
// them up, but only if Kafka answers another instance in the meantime. Otherwise, while Kafka is down, all instances would hand
// their shards around, and each handover uses up an epoch.
//
//	answers --> silent     the instance has waited for Kafka for half of GiveUpAfter
//	silent  --> cut off    Kafka was seen to answer another instance after this one had begun to wait, and has not answered this
//	                       one for GiveUpAfter since. The instance gives up all shards, and has no share
//	cut off --> answers    Kafka has answered again, and the rest is over. The rest doubles each time, until Kafka acknowledges
//	                       events of this instance: a topic check alone does not prove that events get through. Without another
//	                       instance that can publish, there is no rest
//
// An acknowledgement is the proof that counts. An instance that has nothing to send gets none. For it, the log check of a
// shard or the regular check of the topics counts, so that events which are stuck elsewhere can come to an idle instance.
//
// No clock of another machine is used. Each instance counts Kafka's answers in its row. The others see the count change, and
// measure with their own monotonic clocks.

// kafkaLink is what an instance says about its link to Kafka in its row of outbox_instance.
type kafkaLink string

const (
	linkAnswers kafkaLink = "answers" // Kafka answers, or was not asked
	linkSilent  kafkaLink = "silent"  // Kafka has not answered for a while
	linkCutOff  kafkaLink = "cut_off" // Kafka answers others, but not this instance
)

// kafkaAnswers counts Kafka's answers to this instance.
type kafkaAnswers struct {
	count        int64
	acks         int64     // those of count that were acknowledgements
	waitingSince time.Time // since when the relay has waited for an answer; zero if it waits for nothing
}

// acknowledged notes that Kafka has acknowledged a batch.
func (a *kafkaAnswers) acknowledged() {
	a.acks++
	a.answered()
}

// answered notes an answer to a produce request or to a log check.
func (a *kafkaAnswers) answered() {
	a.count++
	a.waitingSince = time.Time{}
}

// checked notes an answer to the regular check of the topics. It proves nothing about events that wait.
func (a *kafkaAnswers) checked() {
	if a.waitingSince.IsZero() {
		a.count++
	}
}

// wait notes whether the relay waits for Kafka.
func (a *kafkaAnswers) wait(waiting bool, now time.Time) {
	switch {
	case !waiting:
		a.waitingSince = time.Time{}
	case a.waitingSince.IsZero():
		a.waitingSince = now
	}
}

// linkJudge decides in each lease pass whether this instance is cut off from Kafka.
type linkJudge struct {
	giveUpAfter  time.Duration
	leaseTimeout time.Duration

	waitingSince time.Time // in the last pass
	othersSince  time.Time // when Kafka was first seen to answer another instance after waitingSince; zero if it was not
	cutOff       bool
	answersThen  int64 // the answers to this instance when it was cut off
	acksThen     int64
	rest         time.Duration
	restUntil    time.Time
}

// judge is called after the tracker has observed the table of instances.
func (j *linkJudge) judge(mine kafkaAnswers, others othersLink, now time.Time) {
	if mine.acks != j.acksThen {
		j.acksThen, j.rest = mine.acks, 0
	}
	if j.cutOff {
		if answered := mine.count != j.answersThen; answered && (!others.able || !now.Before(j.restUntil)) {
			j.cutOff = false
		}
		return
	}
	if mine.waitingSince != j.waitingSince {
		j.waitingSince, j.othersSince = mine.waitingSince, time.Time{}
	}
	if j.waitingSince.IsZero() {
		return
	}
	// A beat that is read now may be as old as the lease time-out, and tell of an answer before this instance began to wait.
	if j.othersSince.IsZero() && others.answered && now.Sub(j.waitingSince) >= j.leaseTimeout {
		j.othersSince = now
	}
	if others.able && !j.othersSince.IsZero() && now.Sub(j.othersSince) >= j.giveUpAfter {
		j.rest = min(max(2*j.rest, j.giveUpAfter), longestCutOffRest)
		j.cutOff, j.answersThen, j.restUntil = true, mine.count, now.Add(j.rest)
	}
}

// longestCutOffRest bounds how long an instance takes no shards after Kafka has answered it again.
const longestCutOffRest = 15 * time.Minute

// link is what the instance says about itself in its row.
func (j *linkJudge) link(mine kafkaAnswers, now time.Time) kafkaLink {
	switch {
	case j.cutOff:
		return linkCutOff
	case !mine.waitingSince.IsZero() && now.Sub(mine.waitingSince) >= j.giveUpAfter/2:
		return linkSilent
	default:
		return linkAnswers
	}
}

// othersLink is what the other instances say about their links to Kafka.
type othersLink struct {
	able     bool // an instance is alive to which Kafka answers, as far as it knows
	answered bool // Kafka has answered such an instance since the last look
}

// othersLink compares the rows of the other instances with the last look. Call it before observe.
func (t *livenessTracker) othersLink(me uuid.UUID, instances []messagingdb.ListInstancesRow, now time.Time) (o othersLink) {
	for _, i := range instances {
		before, known := t.instances[i.ID]
		alive := !known || before.beat != i.Beat || !t.timedOut(i.ID, before, now)
		if i.ID == me || !alive || kafkaLink(i.Kafka) != linkAnswers {
			continue
		}
		o.able = true
		o.answered = o.answered || known && i.Answers > before.answers
	}
	return o
}

// waitsForKafka reports whether an event, or a shard that cannot be opened yet, waits for an answer of Kafka.
func (c *coordinator) waitsForKafka(now time.Time) bool {
	if c.stopping || !c.mayProduce(now) {
		return false // nothing is sent, for other reasons
	}
	for _, l := range c.lanes {
		if l.halt != nil || l.leaderless || c.topics.of[l.tp.Topic].reason != "" {
			continue // Kafka has answered, and said why it takes nothing
		}
		if l.phase == phaseOpening && !now.Before(l.parkedUntil) || l.phase == phaseReady && c.maySend(l) {
			return true
		}
	}
	return false
}

// countAnswers brings the count of Kafka's answers up to date, before the due work starts.
func (c *coordinator) countAnswers(now time.Time) {
	n := int64(0)
	for _, checker := range c.checkers {
		n += checker.answers.Load()
	}
	if n != c.checkAnswers {
		c.checkAnswers = n
		c.kafka.answered()
	}
	c.kafka.wait(c.waitsForKafka(now), now)
}

func (c *coordinator) setCutOff(cutOff bool) {
	switch {
	case cutOff && !c.cutOff:
		c.log.Error("Kafka answers other instances, but not this one: it gives its shards up")
	case !cutOff && c.cutOff && !c.stopping:
		c.log.Info("Kafka answers this instance again: it takes shards again")
	}
	c.cutOff = cutOff
}
