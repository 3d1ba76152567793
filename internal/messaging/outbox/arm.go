package outbox

import (
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// armState decides which logs are armed, and when to look for events of logs that are not. Commits of other instances notify
// this one only if they append to an armed log. It has no I/O: the claims arm and disarm.
//
// A NOTIFY delays the other commits of the database. So the relay disarms its logs when it hears more than one notification in
// notifyEvery, and looks every few milliseconds instead, until it may arm them again.
type armState struct {
	shared    bool // other instances are alive
	listening bool
	armed     map[broker.TopicPartition]bool
	unsure    bool // the session may still have armed logs that are not in the map

	restUntil time.Time // each notification adds notifyEvery to it, from now on or from its last value
	lookAt    time.Time
	interval  time.Duration // between two looks that find nothing
}

const (
	notifyEvery = 20 * time.Millisecond // on average
	notifyBurst = 5                     // notifications that may come at once
	minLook     = 5 * time.Millisecond
	maxLook     = 100 * time.Millisecond
	lookShare   = 4 // looks take at most one part in lookShare of the time
)

// inUse reports whether the other methods have anything to do.
func (a *armState) inUse() bool { return a.shared || a.unsure || len(a.armed) > 0 }

func (a *armState) heard(now time.Time) {
	if a.restUntil.Before(now) {
		a.restUntil = now
	}
	if a.restUntil = a.restUntil.Add(notifyEvery); a.restUntil.Sub(now) > 2*notifyBurst*notifyEvery {
		a.restUntil = now.Add(2 * notifyBurst * notifyEvery)
	}
}

// disarm reports whether all logs have to be disarmed before anything else. Only logs that are read up to their end may be
// armed: the relay reads the others on in any case.
func (a *armState) disarm(now time.Time, readUp []broker.TopicPartition) bool {
	keep := a.shared && a.listening && a.restUntil.Sub(now) <= notifyBurst*notifyEvery
	for tp := range a.armed {
		keep = keep && slices.Contains(readUp, tp)
	}
	if !keep && len(a.armed) > 0 {
		a.armed, a.unsure = nil, true
	}
	return a.unsure
}

// nextLook returns when to look for events that no notification tells of. It returns the zero time if there are none.
func (a *armState) nextLook(readUp []broker.TopicPartition, now time.Time) time.Time {
	switch {
	case !a.shared || !a.listening || len(a.missing(readUp)) == 0:
		return time.Time{}
	case a.lookAt.Before(now):
		return now
	default:
		return a.lookAt
	}
}

// arm returns the logs to arm before the next claim, which has to look at all of them.
func (a *armState) arm(now time.Time, readUp []broker.TopicPartition) []broker.TopicPartition {
	if !a.shared || !a.listening || a.restUntil.Sub(now) > (notifyBurst-1)*notifyEvery {
		return nil
	}
	return a.missing(readUp)
}

func (a *armState) missing(readUp []broker.TopicPartition) (logs []broker.TopicPartition) {
	for _, tp := range readUp {
		if !a.armed[tp] {
			logs = append(logs, tp)
		}
	}
	return logs
}

// claimed notes that a claim has disarmed, armed and looked as it was told to.
func (a *armState) claimed(now time.Time, armed []broker.TopicPartition, found int, took time.Duration) {
	a.unsure = false
	for _, tp := range armed {
		if a.armed == nil {
			a.armed = map[broker.TopicPartition]bool{}
		}
		a.armed[tp] = true
	}
	if a.interval = min(2*a.interval, maxLook); found > 0 || a.interval == 0 {
		a.interval = minLook
	}
	a.lookAt = now.Add(max(a.interval, lookShare*took))
}

// listens notes that notifications are heard from now on. Those of logs that were armed before may be lost.
func (a *armState) listens() { a.listening, a.armed, a.unsure = true, nil, true }

// failed notes that a claim failed. What it has armed is not known.
func (a *armState) failed() { a.armed, a.unsure = nil, true }

// sessionEnded notes that the session that armed the logs has ended, and with it all of its locks.
func (a *armState) sessionEnded() { a.armed, a.unsure = nil, false }
