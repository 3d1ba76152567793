//go:build !realkafka

package outbox

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

var twoLogs = []broker.TopicPartition{{Topic: "topic", Partition: 1}, {Topic: "topic", Partition: 2}}

// armedState has armed twoLogs at the time now.
func armedState(now time.Time) *armState {
	a := &armState{shared: true}
	a.listens()
	a.disarm(now, twoLogs)
	a.claimed(now, a.arm(now, twoLogs), 0, 0)
	return a
}

func TestArm(t *testing.T) {
	t.Parallel()
	now := time.Now()
	burst := func(a *armState) {
		for range notifyBurst + 1 {
			a.heard(now)
		}
	}
	for name, c := range map[string]struct {
		change func(*armState)
		readUp []broker.TopicPartition
		after  time.Duration
		disarm bool
		arm    []broker.TopicPartition
	}{
		"nothing happens":             {readUp: twoLogs},
		"a notification":              {change: func(a *armState) { a.heard(now) }, readUp: twoLogs},
		"too many notifications":      {change: burst, readUp: twoLogs, disarm: true},
		"a while after too many":      {change: burst, readUp: twoLogs, after: 2 * notifyEvery},
		"the other instances are off": {change: func(a *armState) { a.shared = false }, readUp: twoLogs, disarm: true},
		"the connection is lost":      {change: func(a *armState) { a.listening = false }, readUp: twoLogs, disarm: true},
		"it was lost in between":      {change: (*armState).listens, readUp: twoLogs, disarm: true, arm: twoLogs},
		"a claim failed":              {change: (*armState).failed, readUp: twoLogs, disarm: true, arm: twoLogs},
		"the session ended":           {change: (*armState).sessionEnded, readUp: twoLogs, arm: twoLogs},
		"a log has more rows":         {readUp: twoLogs[:1], disarm: true, arm: twoLogs[:1]},
		"one log is not armed": {change: func(a *armState) { delete(a.armed, twoLogs[0]) }, readUp: twoLogs,
			arm: twoLogs[:1]},
	} {
		a := armedState(now)
		if c.change != nil {
			c.change(a)
		}
		at := now.Add(c.after)
		if got := a.disarm(at, c.readUp); got != c.disarm {
			t.Errorf("%s: disarms %v, want %v", name, got, c.disarm)
		}
		if got := a.arm(at, c.readUp); !slices.Equal(got, c.arm) {
			t.Errorf("%s: arms %v, want %v", name, got, c.arm)
		}
	}
}

// While a log is not armed, the relay looks for its events. The times between the looks double while they find nothing.
func TestLooksAtLogsThatAreNotArmed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := armedState(now)
	if at := a.nextLook(twoLogs, now); !at.IsZero() {
		t.Errorf("looks at %v although all logs are armed", at)
	}
	delete(a.armed, twoLogs[0])
	for n, step := range []struct {
		found int
		took  time.Duration
		want  time.Duration
	}{
		{1, 0, minLook}, {0, 0, 2 * minLook}, {0, 0, 4 * minLook}, {2, 0, minLook}, {0, 10 * time.Millisecond, 10 * time.Millisecond * lookShare},
		{0, 0, 4 * minLook}, {0, 0, 8 * minLook}, {0, 0, 16 * minLook}, {0, 0, maxLook}, {0, 0, maxLook},
	} {
		a.claimed(now, nil, step.found, step.took)
		if got := a.nextLook(twoLogs, now).Sub(now); got != step.want {
			t.Errorf("step %d: looks after %v, want %v", n, got, step.want)
		}
	}
}

// Whatever comes when, a log that is read up is armed, or the relay looks for its events soon. Notifications come at most
// notifyEvery apart on average.
func TestNoLogIsForgotten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		began := time.Now()
		now, notifications := began, 0
		a := armedState(now)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 10).Draw(t, "ms")) * time.Millisecond)
			if len(a.armed) > 0 && rapid.Bool().Draw(t, "commit") {
				a.heard(now)
				notifications++
			}
			a.disarm(now, twoLogs)
			arm := a.arm(now, twoLogs)
			a.claimed(now, arm, 0, 0)
			if len(a.missing(twoLogs)) == 0 {
				continue
			}
			if at := a.nextLook(twoLogs, now); at.IsZero() || at.After(now.Add(maxLook)) {
				t.Fatalf("a log is not armed, and the next look is at %v", at)
			}
		}
		if most := int(now.Sub(began)/notifyEvery) + notifyBurst + 2; notifications > most {
			t.Fatalf("%d notifications in %v, want at most %d", notifications, now.Sub(began), most)
		}
	})
}
