package outbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// StandstillCode is a kind of state in which events of the outbox do not move. Each halt is one too.
type StandstillCode string

// The standstills that are not halts. All of them end by themselves when their cause is gone.
//
// Every state is shown in three places: in State, and so in /readyz with its code; in the metric outbox_standstill; and in the
// instance's row, so that "outbox status" shows those of all instances. If an instance cannot write its row, NoHolder shows it.
const (
	Paused             StandstillCode = "paused"              // an operator has paused the topic
	EpochsUsedUp       StandstillCode = "epochs_used_up"      // the shard rests before it takes a new producer id
	CutOff             StandstillCode = "cut_off"             // Kafka answers other instances, but not this one
	KafkaFails         StandstillCode = "kafka_fails"         // Kafka does not answer, or a partition has no leader
	DatabaseFails      StandstillCode = "database_fails"      // the database does not answer the relay, or refuses it
	ComparisonFails    StandstillCode = "comparison_fails"    // a log cannot be compared with the database, because one of both does not answer
	MigrationsUnfit    StandstillCode = "migrations_unfit"    // the database has another number of shards
	UnknownTopic       StandstillCode = "unknown_topic"       // there are events of a topic that the service does not publish
	Comparing          StandstillCode = "comparing"           // a log is long, and is still compared with the database
	OpensSlowly        StandstillCode = "opens_slowly"        // a shard has waited long for its check or its producer id
	NotAcknowledged    StandstillCode = "not_acknowledged"    // events of a shard have waited long for Kafka
	PredecessorMissing StandstillCode = "predecessor_missing" // an earlier event of the aggregate is pending, but cannot be sent
	Blocked            StandstillCode = "blocked"             // Kafka refuses an event, and its aggregate waits
	NoHolder           StandstillCode = "no_holder"           // no running instance has the lease of a shard
)

// StandstillCodes returns all codes, with those of the halts.
func StandstillCodes() []StandstillCode {
	codes := []StandstillCode{Paused, EpochsUsedUp, CutOff, KafkaFails, DatabaseFails, ComparisonFails, MigrationsUnfit, UnknownTopic, Comparing,
		OpensSlowly, NotAcknowledged, PredecessorMissing, Blocked, NoHolder}
	for _, h := range HaltCodes() {
		codes = append(codes, StandstillCode(h))
	}
	return codes
}

// Standstill is a state in which events do not move.
type Standstill struct {
	Code   StandstillCode `json:"code"`
	Reason string         `json:"reason"`           // without a full stop
	Shards []string       `json:"shards,omitempty"` // empty if it is not about single shards
	Until  *time.Time     `json:"until,omitempty"`  // when it ends, if that is known
}

// String returns the code, the reason, and when the standstill ends.
func (s Standstill) String() string {
	return fmt.Sprintf("%s: %s", s.Code, s.Reason) + s.where()
}

// where returns when the standstill ends, and its shards.
func (s Standstill) where() (text string) {
	if s.Until != nil {
		text += ", until " + s.Until.UTC().Format(time.RFC3339)
	}
	if len(s.Shards) > 0 {
		text += " (shards " + strings.Join(s.Shards, " ") + ")"
	}
	return text
}

func (s ShardStatus) name() string { return shardOf(s.Topic, int16(s.Shard)).String() }

func (s Standstill) halted() bool { return slices.Contains(HaltCodes(), HaltCode(s.Code)) }

// standstillList collects standstills. Shards that stand still for the same reason share one entry.
type standstillList []Standstill

func (list *standstillList) add(code StandstillCode, reason string, until time.Time, shard string) {
	for i, have := range *list {
		if have.Code == code && have.Reason == reason {
			(*list)[i].Shards = append(have.Shards, shard)
			if have.Until != nil && until.After(*have.Until) {
				(*list)[i].Until = &until
			}
			return
		}
	}
	s := Standstill{Code: code, Reason: reason, Shards: []string{shard}}
	if !until.IsZero() {
		s.Until = &until
	}
	*list = append(*list, s)
}

// longStanding is how long something that usually takes a moment may take before it counts as a standstill.
const longStanding = 30 * time.Second

// standing says since when a lane does not move; a zero time if it does.
type standing struct {
	openingSince time.Time // it waits for its check, its producer id, or for the lease pass after the broker has fenced it
	waitingSince time.Time // it has rows, and none is acknowledged; the lane of the shard's next epoch takes this over
	skippedSince time.Time // each sweep finds a row whose predecessor is pending, but not in the lane
	skipped      string    // one such row
	skippedNow   bool      // the running sweep has found one
}

// noteStanding updates since when the lanes do not move.
func (c *coordinator) noteStanding(now time.Time) {
	for _, l := range c.lanes {
		since(&l.openingSince, l.phase == phaseFenced || l.phase == phaseOpening && l.halt == nil && !now.Before(l.parkedUntil), now)
		c.noteWaiting(l, now)
	}
}

// noteWaiting updates since when the lane has rows that Kafka does not acknowledge. A lane has no rows in memory while its shard
// gets the next epoch, and before a claim has read them again. That does not end the wait: otherwise a shard whose epochs all
// end without an acknowledgement would never stand still.
func (c *coordinator) noteWaiting(l *lane, now time.Time) {
	switch {
	case l.phase == phaseReady && c.maySend(l):
		since(&l.waitingSince, true, now)
	case l.phase == phaseReady && !l.mayHaveMore, c.paused.has(l.tp.Topic), now.Before(l.restsUntil):
		l.waitingSince = time.Time{}
	}
}

// since sets t to now if the state begins, and to zero if it has ended.
func since(t *time.Time, lasts bool, now time.Time) {
	switch {
	case !lasts:
		*t = time.Time{}
	case t.IsZero():
		*t = now
	}
}

func long(t, now time.Time) bool { return !t.IsZero() && now.Sub(t) >= longStanding }

// beginSweep begins to look for rows without their predecessor.
func (s *standing) beginSweep() {
	if !s.skippedNow {
		s.skippedSince = time.Time{}
	}
	s.skippedNow = false
}

func (s *standing) skip(row string, now time.Time) {
	s.skippedNow = true
	if s.skippedSince.IsZero() {
		s.skippedSince, s.skipped = now, row
	}
}

// standstills returns all states in which events of this instance do not move, and those of the whole outbox that it knows.
func (c *coordinator) standstills(halts []Halt, now time.Time) []Standstill {
	var list standstillList
	for _, h := range halts {
		list = append(list, Standstill{Code: StandstillCode(h.Code), Reason: h.Reason, Shards: h.Shards})
	}
	if c.cutOff {
		list = append(list, Standstill{Code: CutOff, Reason: "Kafka answers other instances, but not this one, which has given up its shards"})
	}
	for _, p := range c.paused.list() {
		list = append(list, Standstill{Code: Paused, Reason: p.String()})
	}
	for _, l := range c.lanes {
		c.addStandstill(&list, l, now)
	}
	for _, topic := range c.cfg.Topics {
		if compares := c.checkers[topic].progress.Load(); compares != nil {
			list = append(list, Standstill{Code: Comparing, Reason: "the relay compares " + *compares})
		}
	}
	list = append(list, c.troubleStandstills()...)
	return append(list, c.shared...)
}

// addStandstill adds why the lane does not move, if it does not. A halted lane is in the list already.
func (c *coordinator) addStandstill(list *standstillList, l *lane, now time.Time) {
	switch {
	case l.halt != nil:
	case now.Before(l.restsUntil):
		list.add(EpochsUsedUp, "the producer id has no epochs left; its batches must be too old before a new one is taken", l.restsUntil, l.tp.String())
	case long(l.openingSince, now) && l.phase == phaseFenced:
		list.add(OpensSlowly, "another producer has written, and no lease pass has shown yet whether the lease is lost", time.Time{}, l.tp.String())
	case long(l.openingSince, now) && !l.verified:
		list.add(OpensSlowly, "the log waits to be compared with the database", time.Time{}, l.tp.String())
	case long(l.openingSince, now):
		list.add(OpensSlowly, "Kafka has not given a producer id", time.Time{}, l.tp.String())
	case long(l.waitingSince, now):
		reason := "Kafka has not acknowledged an event for long"
		if c.full(l) {
			reason += ", and the queue is full"
		}
		list.add(NotAcknowledged, reason, time.Time{}, l.tp.String())
	case long(l.skippedSince, now):
		list.add(PredecessorMissing, l.skipped+" waits for an earlier event, which is pending but cannot be sent", time.Time{}, l.tp.String())
	}
}

// troubleCodes are the standstills of the parts of the relay whose failures are tried again, by the first word of the part.
var troubleCodes = map[string]StandstillCode{
	"kafka": KafkaFails, "leases": DatabaseFails, "claim": DatabaseFails, "mark": DatabaseFails, "compare": ComparisonFails, "topics": UnknownTopic,
}

func troubleCode(part string) (code StandstillCode, known bool) {
	first, _, _ := strings.Cut(part, " ")
	code, known = troubleCodes[first]
	return code, known
}

func (c *coordinator) troubleStandstills() (list []Standstill) {
	for _, part := range slices.Sorted(maps.Keys(c.troubles)) {
		code, known := troubleCode(part)
		if part == "leases" && c.misfit {
			code = MigrationsUnfit
		}
		if known {
			list = append(list, Standstill{Code: code, Reason: part + ": " + c.troubles[part].last})
		}
	}
	return list
}

// sharedStandstills returns the standstills that the database shows: they are not about one instance.
func (s Status) sharedStandstills() (list []Standstill) {
	if s.BlockedCount > 0 {
		list = append(list, Standstill{Code: Blocked, Reason: fmt.Sprintf("Kafka refuses events, and %d aggregates wait", s.BlockedCount)})
	}
	var free standstillList
	for _, shard := range s.Shards {
		if !shard.Held {
			free.add(NoHolder, "no running instance has the lease", time.Time{}, shard.name())
		}
	}
	return append(list, free...)
}

// noteShared stores the standstills of the whole outbox. A shard has no holder for a moment when it moves. So a shard without a
// holder counts only if two statuses in a row show it.
func (c *coordinator) noteShared(list []Standstill) {
	before := c.freeBefore
	c.shared, c.freeBefore = nil, nil
	for _, s := range list {
		if s.Code == NoHolder {
			c.freeBefore = s.Shards
			s.Shards = slices.DeleteFunc(slices.Clone(s.Shards), func(shard string) bool { return !slices.Contains(before, shard) })
			if len(s.Shards) == 0 {
				continue
			}
		}
		c.shared = append(c.shared, s)
	}
}

// Problems returns one sentence for each thing that keeps events from being published, or soon will.
func (s State) Problems() (problems []string) {
	for _, h := range s.Halted {
		problems = append(problems, h.String())
	}
	for _, one := range s.Standstills {
		if !one.halted() {
			problems = append(problems, one.String())
		}
	}
	for _, part := range slices.Sorted(maps.Keys(s.Troubles)) {
		if _, shown := troubleCode(part); !shown {
			problems = append(problems, part+": "+s.Troubles[part])
		}
	}
	return problems
}

// ForAnyone returns Problems without reasons, which may name hosts, users and what operators have written: only codes, names of
// shards and topics, and sentences of this package.
func (s State) ForAnyone() (told []string) {
	for _, one := range s.Standstills {
		text := string(one.Code) + one.where()
		if one.halted() {
			text += fmt.Sprintf(". %s See docs/operations.md, section %s.", HaltCode(one.Code).NextStep(), one.Code)
		}
		told = append(told, text)
	}
	for _, part := range slices.Sorted(maps.Keys(s.Troubles)) {
		if _, shown := troubleCode(part); !shown {
			told = append(told, part+": it needs attention, see the log")
		}
	}
	return told
}
