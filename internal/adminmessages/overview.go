package adminmessages

import (
	"cmp"
	"context"
	"io/fs"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Need is something that a person has to look at.
type Need struct {
	Text string // a sentence
	Path string // the page that helps, below the first page
	Link string // what the link says
}

// overviewPage is the data of the overview.
type overviewPage struct {
	Needs    []Need
	Pictures []picture
	Parts    []part
	Well     bool // all parts work
}

// part is a part of this instance, with the page that shows more about it.
type part struct {
	httpserver.CheckResult
	Path string // below the first page; empty if there is none
}

// Overview returns what the first page shows.
func (p *Pages) Overview() adminui.Overview {
	return adminui.Overview{Templates: templates(), Data: func(ctx context.Context) (any, error) { return p.overview(ctx) }}
}

// templates returns the templates of the pages.
func templates() fs.FS {
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // the name is a constant
	}
	return files
}

func (p *Pages) overview(ctx context.Context) (page overviewPage, err error) {
	checked, err := p.Check(ctx)
	if err != nil {
		return page, err
	}
	status, err := outbox.ReadStatus(ctx, p.Repair.Pool)
	if err != nil {
		return page, err
	}
	page.Well = true
	for _, one := range checked {
		if one.Name == "relay" && !one.Works() {
			one.Detail = cmp.Or(p.sendingStops(status).titles(), one.Detail)
		}
		page.Parts = append(page.Parts, part{one, partPaths[one.Name]})
		page.Well = page.Well && one.Works()
	}
	if page.Needs, err = p.needs(ctx, checked, status); err != nil {
		return page, err
	}
	now := p.now()
	list := p.samples.since(now.Add(-watched))
	unsent := draw("Unsent events", "event", "events", now, list, func(s sample) int64 { return s.unsent })
	unsent.Link, unsent.LinkText = "messages/outbox", "Outbox"
	behind := draw("Events not yet applied", "event of another service", "events of other services", now, list, func(s sample) int64 { return s.behind })
	behind.Link, behind.LinkText = "messages/consumer", "Receiving"
	page.Pictures = []picture{unsent, behind}
	return page, nil
}

// partPaths are the pages that show more about a part.
var partPaths = map[string]string{"kafka": "messages/relay", "topics": "messages/relay", "relay": "messages/relay", "consumer": "messages/consumer"}

// oldUnsent is when an unsent event needs a person. Usually an event is sent within a second.
const oldUnsent = time.Minute

// needs returns what a person has to look at, the worst first.
func (p *Pages) needs(ctx context.Context, checked []httpserver.CheckResult, status outbox.Status) (needs []Need, err error) {
	add := func(text, path, link string) { needs = append(needs, Need{text, "messages/" + path, link}) }
	explained := false // the pages say more about Kafka than the check does
	for _, s := range p.sendingStops(status) {
		if s.Waits || s.Code == string(outbox.Blocked) {
			continue
		}
		explained = true
		add(s.short(), "relay", whatToDo)
	}
	receiving, err := p.readingStops(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range receiving {
		add(s.short(), "consumer", whatToDo)
	}
	open, err := consumer.CountDeadLetters(ctx, p.Repair.Pool, consumer.DeadLetterFilter{State: consumer.Open})
	if err != nil {
		return nil, err
	}
	if open > 0 {
		add(counted(open, "event of another service", "events of other services")+" could not be applied.", "dead-letters", "Dead letters")
	}
	if n := int(status.BlockedCount); n > 0 {
		add("Kafka refuses "+counted(n, "event", "events")+".", "outbox", "Which, and what to do")
	}
	if status.OldestAge > oldUnsent.Seconds() {
		add("The oldest unsent event waits for "+adminui.Duration(time.Duration(status.OldestAge*float64(time.Second)))+".", "outbox", "Why events do not move")
	}
	for _, one := range checked {
		path, known := partPaths[one.Name]
		if stops := one.Name == "relay" || one.Name == "consumer"; one.Works() || !known || stops || explained {
			continue
		}
		needs = append(needs, Need{adminui.Sentence("The part " + one.Name + " does not work: " + one.Detail), path, whatToDo})
	}
	if p.Needs == nil {
		return needs, nil
	}
	own, err := p.Needs(ctx)
	return append(needs, own...), err
}

// whatToDo is what the link to a page with stops says.
const whatToDo = "Why, and what to do"

// readingStops returns why events of other services are not applied, without asking Kafka.
func (p *Pages) readingStops(ctx context.Context) (stops, error) {
	partitions, err := p.storedPositions(ctx)
	if err != nil {
		return nil, err
	}
	conflicts, err := consumer.CountConflicts(ctx, p.Repair.Pool)
	return p.receivingStops(partitions, p.State(), conflicts), err
}
