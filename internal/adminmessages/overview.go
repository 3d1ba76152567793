package adminmessages

import (
	"context"
	"fmt"
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
	Parts    []httpserver.CheckResult
	Well     bool // all parts work
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
	if page.Needs, err = p.needs(ctx); err != nil {
		return page, err
	}
	now := p.now()
	list := p.samples.since(now.Add(-watched))
	unsent := draw("Unsent events", "events", now, list, func(s sample) int64 { return s.unsent })
	unsent.Link, unsent.LinkText = "messages/outbox", "Outbox"
	behind := draw("Behind other services", "offsets", now, list, func(s sample) int64 { return s.behind })
	behind.Link, behind.LinkText = "messages/consumer", "Receiving"
	page.Pictures = []picture{unsent, behind}
	if page.Parts, err = p.Check(ctx); err != nil {
		return page, err
	}
	page.Well = true
	for _, part := range page.Parts {
		page.Well = page.Well && part.Works()
	}
	return page, nil
}

// oldUnsent is when an unsent event needs a person. Usually an event is sent within a second.
const oldUnsent = time.Minute

// needs returns what a person has to look at, the worst first.
func (p *Pages) needs(ctx context.Context) (needs []Need, err error) {
	status, err := outbox.ReadStatus(ctx, p.Repair.Pool)
	if err != nil {
		return nil, err
	}
	add := func(n int, one, many, path, link string) {
		switch {
		case n == 1:
			needs = append(needs, Need{one, "messages/" + path, link})
		case n > 1:
			needs = append(needs, Need{fmt.Sprintf(many, n), "messages/" + path, link})
		}
	}
	add(len(status.Halted), "Sending is halted in 1 shard.", "Sending is halted in %d shards.", "relay", "Why, and what to do")
	halted, paused, err := p.stoppedPartitions(ctx)
	if err != nil {
		return nil, err
	}
	add(halted, "Receiving is halted in 1 partition.", "Receiving is halted in %d partitions.", "consumer", "Why, and what to do")
	open, err := consumer.CountDeadLetters(ctx, p.Repair.Pool, consumer.DeadLetterFilter{State: consumer.Open})
	if err != nil {
		return nil, err
	}
	add(open, "1 event of another service could not be applied.", "%d events of other services could not be applied.", "dead-letters", "Dead letters")
	add(int(status.BlockedCount), "Kafka refuses 1 event.", "Kafka refuses %d events.", "outbox", "Which, and what to do")
	if status.OldestAge > oldUnsent.Seconds() {
		add(1, "The oldest unsent event waits for "+adminui.Duration(time.Duration(status.OldestAge*float64(time.Second)))+".", "", "relay", "Why events do not move")
	}
	add(len(status.Paused), "Sending is paused.", "Sending is paused in %d places.", "relay", "Resume it")
	add(paused, "Receiving is paused in 1 partition.", "Receiving is paused in %d partitions.", "consumer", "Resume it")
	if p.Needs == nil {
		return needs, nil
	}
	own, err := p.Needs(ctx)
	return append(needs, own...), err
}

// stoppedPartitions counts the partitions that this instance does not read although it has them, and those that are paused.
func (p *Pages) stoppedPartitions(ctx context.Context) (halted, paused int, err error) {
	for _, one := range p.State().Partitions {
		if one.Halted != "" && one.HaltCode != consumer.Paused && one.HaltCode != consumer.ManyDeadLetters {
			halted++
		}
	}
	positions, err := consumer.Positions(ctx, p.Repair.Pool)
	for _, one := range positions {
		if one.Paused != nil {
			paused++
		}
	}
	return halted, paused, err
}
