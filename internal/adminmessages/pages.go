package adminmessages

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// Config is what the pages need of a service.
type Config struct {
	Repair repair.Service
	// Models are the models that the service owns. A model comes after those that it refers to.
	Models []repair.Model
	// Program is the name of the service's program, for commands that a page shows.
	Program string
	// Replay, Discard, Skip and State are the methods of the service's consumer.Consumer.
	Replay  func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)
	Discard func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)
	Skip    func(ctx context.Context, kafka consumer.LogReader, tp broker.TopicPartition, by audit.Operator) (consumer.DeadLetter, error)
	State   func() consumer.State
	// Check returns the state of each part of the instance, as /readyz does.
	Check func(ctx context.Context) ([]httpserver.CheckResult, error)
	// Needs returns what a person has to look at in the service's own data. It may be nil.
	Needs func(ctx context.Context) ([]Need, error)
	Log   *slog.Logger
}

// Pages are the pages of one service.
type Pages struct {
	Config
	busy atomic.Bool // a run is under way, or about to begin
	runs chan run
	now  func() time.Time

	samples samples
}

// New returns the pages. Run and Watch have to run in the background.
func New(cfg Config) *Pages { return &Pages{Config: cfg, runs: make(chan run, 1), now: time.Now} }

// Related leads from the page of an event to these pages.
var Related = adminui.Related{Outbox: section + "/outbox", Letter: section + "/dead-letters/"}

// section is the path of the pages below the first page.
const section = "messages"

//go:embed templates/*.html
var templateFiles embed.FS

// rows is how many rows a part of a list has.
const rows = 50

// Section returns the pages for the frame.
func (p *Pages) Section() adminui.Section {
	get := func(path string, do func(*adminui.Visit) error) adminui.Route {
		return adminui.Route{Method: http.MethodGet, Path: path, Role: account.Viewer, Do: do}
	}
	routes := []adminui.Route{
		get("", func(v *adminui.Visit) error { return v.Leave("/outbox", "") }),
		get("/outbox", p.outbox),
		get("/dead-letters", p.deadLetters),
		get("/dead-letters/{id}", p.deadLetter),
		get("/dead-letters/{id}/payload", p.payload),
		get("/runs/{id}", p.showRun),
		get("/consumer", p.consumer),
		get("/relay", p.relay),
		get("/audit", p.audit),
	}
	for _, a := range p.actions() {
		routes = append(routes, a.routes()...)
	}
	return adminui.Section{
		Path: section, Title: "Messages", About: "What is sent and received, what is stuck and why, and what to do about it.",
		Templates: templates(), Routes: routes,
	}
}
