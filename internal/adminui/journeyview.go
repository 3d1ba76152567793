package adminui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// The lanes of the picture, from left to right.
var lanes = []string{"HTTP", "Outbox", "Kafka", "Consumer", "Copy"}

// The states of a step.
const (
	stepDone  = "done"
	stepOpen  = "open"  // it has not happened yet
	stepBad   = "bad"   // it needs a person
	stepOther = "other" // only the other service knows
)

// stepView is a step of an event in one lane.
type stepView struct {
	Lane, State string
	At          time.Time // zero if it is not known
	What        string    // what happened
	After       string    // the time since the step before, such as "+12 ms"
	X           int       // in the picture
}

// eventView is an event with its steps, one for each lane.
type eventView struct {
	journey.Event
	Name  string // such as "product created"
	Short string // the beginning of the key
	Steps []stepView
	final bool
}

// picture is what the page of the journey shows.
type picture struct {
	Service string
	Page    string // the page of one event
	Lanes   []stepView
	Events  []*eventView
	Width   int
}

// The sizes of the picture. The texts are not a part of it, so that they stay legible on a phone.
const (
	laneLeft, laneWidth = 36, 72
	pictureWidth        = 2*laneLeft + 4*laneWidth
)

func (s *site) newPicture(events []journey.Event) picture {
	p := picture{Service: s.Service, Page: s.base + pathEvent, Width: pictureWidth}
	for _, lane := range lanes {
		p.Lanes = append(p.Lanes, stepView{Lane: lane})
	}
	for _, e := range events {
		p.Events = append(p.Events, newEventView(e))
	}
	return p
}

func newEventView(e journey.Event) *eventView {
	v := &eventView{Event: e, Name: nameOf(e.Type), Short: e.Ref.Key, final: e.Final()}
	if len(v.Short) > 8 {
		v.Short = strings.ToValidUTF8(v.Short[:8], "") + "…"
	}
	if e.Produced != nil {
		v.Steps = producedSteps(e)
	} else {
		v.Steps = consumedSteps(e.Consumed)
	}
	last := time.Time{}
	for i := range v.Steps {
		s := &v.Steps[i]
		s.Lane, s.X = lanes[i], laneLeft+i*laneWidth
		if s.At.IsZero() {
			continue
		}
		if !last.IsZero() {
			s.After = fmt.Sprintf("+%d ms", max(s.At.Sub(last), 0).Round(time.Millisecond).Milliseconds())
		}
		last = s.At
	}
	return v
}

// nameOf returns the type of an event for people: "monsplit.product.created.v1" is "product created".
func nameOf(kind string) string {
	parts := strings.Split(kind, ".")
	if len(parts) < 4 {
		if kind == "" {
			return "event"
		}
		return kind
	}
	return strings.NewReplacer("_", " ", "-", " ").Replace(strings.Join(parts[1:len(parts)-1], " "))
}

func unknownStep() stepView { return stepView{State: stepOther, What: "the other service knows"} }

func producedSteps(e journey.Event) []stepView {
	p := e.Produced
	made := stepView{State: stepDone, At: madeAt(e.ID), What: "changed"}
	committed := stepView{State: stepDone, At: p.Committed, What: "committed"}
	sent := stepView{State: stepOpen, What: "not sent yet"}
	switch {
	case p.Discarded:
		sent = stepView{State: stepBad, What: "discarded by an operator"}
	case p.Sent != nil:
		sent = stepView{State: stepDone, At: p.Sent.At, What: "sent (" + placeOf(p.Sent.Partition, p.Sent.Offset) + ")"}
	case p.IsSent:
		sent = stepView{State: stepDone, What: "sent"}
	}
	if made.At.After(committed.At) { // the clocks of the service and of the database differ
		made.At = time.Time{}
	}
	return []stepView{made, committed, sent, unknownStep(), unknownStep()}
}

// madeAt returns when the service made the event, which its id tells (RFC 9562, version 7). It is zero for other ids.
func madeAt(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	sec, nsec := u.Time().UnixTime()
	return time.Unix(sec, nsec).UTC()
}

// outcomes are what a consumer has done with an event, for people.
var outcomes = map[journey.Outcome]string{
	journey.Applied: "applied", journey.Known: "already known", journey.Ignored: "ignored: this service does not need it", journey.Purged: "data removed",
}

func consumedSteps(c *journey.Consumed) []stepView {
	done := stepView{State: stepDone, At: c.Settled, What: outcomes[c.Outcome]}
	if c.Outcome == journey.Dead {
		done.State, done.What = stepBad, "dead letter"
		if l := c.Letter; l != nil {
			done.What = "dead letter (" + l.State + "): " + l.Reason
			if l.State != "open" {
				done.State = stepDone
			}
		}
	}
	return []stepView{
		unknownStep(), unknownStep(), {State: stepDone, What: placeOf(c.Partition, c.Offset)},
		{State: stepDone, At: c.Received, What: "received"}, done,
	}
}

// Own returns the steps that this service knows.
func (v *eventView) Own() (own []stepView) {
	for _, s := range v.Steps {
		before := s.Lane == "HTTP" || s.Lane == "Kafka" && v.Consumed != nil // the line has its place, or needs no more
		if s.State != stepOther && !before {
			own = append(own, s)
		}
	}
	return own
}

// Result returns what the consumer has done with an event that was received.
func (v *eventView) Result() string { return v.Steps[len(v.Steps)-1].What }

// Page returns the name of the event for its page, or "" if it has no page.
func (v *eventView) Page() string {
	if ref, ok := journey.ParseRef(v.Ref.String()); ok && ref.Version > 0 {
		return ref.String()
	}
	return ""
}

// Place returns where Kafka has an event that was received.
func (v *eventView) Place() string {
	if v.Consumed == nil {
		return ""
	}
	return placeOf(v.Consumed.Partition, v.Consumed.Offset)
}

// placeOf says where Kafka has an event.
func placeOf(partition int, offset int64) string {
	return fmt.Sprintf("partition %d, offset %d", partition, offset)
}

// Left and Right are the places of the first and the last step that has happened.
func (v *eventView) Left() (x int) {
	for _, s := range slices.Backward(v.Steps) {
		if s.happened() {
			x = s.X
		}
	}
	return x
}

// Right: see Left.
func (v *eventView) Right() (x int) {
	for _, s := range v.Steps {
		if s.happened() {
			x = s.X
		}
	}
	return x
}

// From and To are the sides of the mark of a step.
func (s stepView) From() int { return s.X - 8 }

// To: see From.
func (s stepView) To() int { return s.X + 8 }

func (s stepView) happened() bool { return s.State == stepDone || s.State == stepBad }

// Mark returns the short text below a step in the picture.
func (s stepView) Mark() string {
	switch {
	case s.State == stepOther || s.At.IsZero():
		return ""
	case s.After != "":
		return s.After
	}
	return clockText(s.At)
}

// milliTime shows a time as TimeText does, with milliseconds.
func milliTime(t time.Time) string { return dayText(t) + "T" + clockText(t) }

func dayText(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func clockText(t time.Time) string { return t.UTC().Format("15:04:05.000Z") }
