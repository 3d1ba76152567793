package adminui

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// Related are pages of sections to which the page of an event leads, as paths below the first page. They may be empty.
type Related struct {
	Outbox string // takes the parameters topic and key
	Letter string // before the number of a dead letter
}

// eventPage is the data of the page of one event.
type eventPage struct {
	Ref     journey.Ref
	Known   bool // this service has records of it
	Record  journey.Record
	View    *eventView
	Picture picture
	Stream  string // empty if no further step will come
	State   string // what became of the event, in sentences
	Bad     bool   // a person has to act
	Waits   bool   // it is not sent yet, perhaps for a reason that the outbox shows
	Facts   []Fact
	Passes  []*eventView // each time that the consumer has passed it
	Payload *Payload     // nil if this service does not keep it
	Kept    string       // how long records are kept at least
	// The addresses of pages that say more. They are empty if there are none.
	History, Outbox, Letter string
}

// event shows all that this service knows of one event. A record that is no longer kept has a page too, which says so: other pages
// lead to it.
func (s *site) event(v visit) error {
	ref, ok := journey.ParseRef(v.r.URL.Query().Get(paramEvent))
	if !ok {
		s.renderError(v.w, v.r, &v.user, http.StatusBadRequest, "This is not the name of an event", "The name of an event is TOPIC/KEY/VERSION.")
		return nil
	}
	record, known, err := s.Journey.Read(v.r.Context(), ref)
	if err != nil {
		return err
	}
	p := eventPage{Ref: ref, Known: known, Record: record, Kept: Duration(s.EventRetention)}
	if known {
		p.Ref = record.Ref
		s.describeEvent(&p)
	}
	if model := s.modelOf(p.Ref.Topic); model != "" {
		p.History = s.base + "/history/" + url.PathEscape(model) + "/" + url.PathEscape(p.Ref.Key)
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "event", p)
	return nil
}

func (s *site) describeEvent(p *eventPage) {
	r := p.Record
	p.View, p.Picture = newEventView(r.Event), s.newPicture([]journey.Event{r.Event})
	if !p.View.final {
		p.Stream = s.StreamPath() + "?" + url.Values{paramEvent: {p.Ref.String()}, paramPicture: {"1"}}.Encode()
	}
	p.Facts = []Fact{
		{"Type", Cell{Code: r.Type}}, {"Id", Cell{Code: r.ID}}, {"Topic", Cell{Code: p.Ref.Topic}},
		{"Key", Cell{Code: p.Ref.Key}}, {"Version", Cell{Text: strconv.FormatInt(p.Ref.Version, 10)}},
	}
	if r.Produced != nil {
		p.describeProduced(s)
	} else {
		p.describeConsumed(s)
	}
}

func (p *eventPage) describeProduced(s *site) {
	way, a := p.Record.Produced, p.Record.Appended
	p.addFact("Committed", milliTime(way.Committed))
	switch {
	case way.Discarded:
		p.Bad, p.State = true, "An operator has discarded the event. It is never sent. The other services miss this version, and take the next one."
	case way.Sent != nil:
		p.State = fmt.Sprintf("Kafka has the event, in partition %d at offset %d.", way.Sent.Partition, way.Sent.Offset)
		p.addFact("Sent", milliTime(way.Sent.At))
		p.addFact("Partition", strconv.Itoa(way.Sent.Partition))
		p.addFact("Offset", strconv.FormatInt(way.Sent.Offset, 10))
	case way.IsSent:
		p.State = "Kafka has the event. This service no longer knows at which offset: it keeps that for " + p.Kept + "."
	default:
		p.Waits, p.State = true, "Kafka has not confirmed the event yet. Usually this takes less than a second, and needs nobody."
	}
	if s.Related.Outbox != "" {
		p.Outbox = s.base + "/" + s.Related.Outbox + "?" + url.Values{"topic": {p.Ref.Topic}, "key": {p.Ref.Key}}.Encode()
	}
	if a == nil {
		return
	}
	if way.Sent == nil {
		p.addFact("Partition", strconv.Itoa(a.Partition))
	}
	p.addFact("Number in the outbox", strconv.FormatInt(a.Seq, 10))
	if trace := strings.Split(a.Traceparent, "-"); len(trace) == 4 {
		p.addFact("Trace", trace[1])
	}
	if a.Behind > 0 {
		p.State = fmt.Sprintf("The event waits for version %d of the same key, which Kafka has not confirmed yet. Events of one key are sent in order.", a.Behind)
	}
	if r := a.Refused; r != nil {
		p.Bad, p.State = true, "Kafka refuses the event: "+r.Error
		p.addFact("Tries", strconv.Itoa(r.Attempts))
		p.addFact("Next try", milliTime(r.RetryAt))
	}
	payload := NewPayload(string(a.Payload))
	p.Payload = &payload
}

// passedText says what a consumer has done with an event.
var passedText = map[journey.Outcome]string{
	journey.Applied: "This service has applied the event.",
	journey.Known:   "There was nothing to do: this service already had this version, or a newer one.",
	journey.Ignored: "There was nothing to do: this service does not need events of this type.",
	journey.Purged:  "The event says that everything about its key has to be removed. This service has done so.",
}

func (p *eventPage) describeConsumed(s *site) {
	c := p.Record.Consumed
	p.State = passedText[c.Outcome]
	if c.Outcome == journey.Dead {
		p.describeLetter(s, c.Letter)
	}
	for _, pass := range p.Record.Passes {
		p.Passes = append(p.Passes, newEventView(journey.Event{Ref: p.Ref, ID: p.Record.ID, Type: p.Record.Type, Consumed: &pass}))
	}
}

func (p *eventPage) describeLetter(s *site, l *journey.Letter) {
	if l == nil {
		p.State = "This service could not apply the event. The dead letter is no longer kept."
		return
	}
	p.Bad = l.State == consumer.Open
	p.State = "This service could not apply the event: " + l.Reason
	if !p.Bad {
		p.State = "This service could not apply the event at first: " + l.Reason + " The dead letter is " + l.State + "."
	}
	if s.Related.Letter != "" {
		p.Letter = s.base + "/" + s.Related.Letter + strconv.FormatInt(l.ID, 10)
	}
}

func (p *eventPage) addFact(name, text string) {
	p.Facts = append(p.Facts, Fact{name, Cell{Text: text}})
}

// modelOf returns what the history calls the things of a topic, or "" if this service does not own them.
func (s *site) modelOf(topic string) string {
	for _, r := range s.Resources {
		if r.Topic == topic {
			return r.Model
		}
	}
	return ""
}

// resourceOf returns the list of the things of a model, or nil if there is none.
func (s *site) resourceOf(model string) *Resource {
	for i, r := range s.Resources {
		if r.Model == model && model != "" {
			return &s.Resources[i]
		}
	}
	return nil
}
