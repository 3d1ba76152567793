package serviceframe

import (
	"context"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminmessages"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/delay"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// adminPath returns the path of the admin pages.
func (s Spec) adminPath() string { return adminui.Config{Root: s.Prefix}.Base() }

// Manage lets the admin pages list these things, and change them. Call it before Serve.
func (f *Frame) Manage(resources ...adminui.Resource) {
	f.resources = append(f.resources, resources...)
}

// Need lets the first admin page show what a person has to look at in the service's own data. Call it before Serve.
func (f *Frame) Need(needs func(context.Context) ([]adminmessages.Need, error)) { f.needs = needs }

// Own lets the admin pages send the state of these models again. A model comes after those that it refers to. Call it before
// Serve.
func (f *Frame) Own(models ...repair.Model) { f.models = models }

// addAdmin adds the admin pages, and returns the parts that keep their tables and do their work in the background.
func (f *Frame) addAdmin(events Consumer, check func(context.Context) ([]httpserver.CheckResult, error)) ([]lifecycle.Part, error) {
	users := account.New(f.Pool)
	messages := adminmessages.New(adminmessages.Config{
		Repair: f.repair(), Replay: events.Replay, Discard: events.Discard, Skip: events.Skip, State: events.State,
		Models: f.models, Program: f.spec.Name, Check: check, Needs: f.needs, Log: f.log,
	})
	cfg := adminui.Config{
		Service: f.spec.Name, Title: f.spec.Name + " admin", Root: f.spec.Prefix, Users: users, History: history.NewReader(f.Pool),
		Lifetime: f.cfg.Admin.Lifetime, Idle: f.cfg.Admin.Idle, Resources: f.resources, Stream: f.cfg.HTTP.StreamLimits(), Journey: f.watch, EventRetention: f.cfg.Outbox.Retention, Related: adminmessages.Related, Log: f.log,
		Sections: []adminui.Section{messages.Section()}, Overview: messages.Overview(),
	}
	pages, err := adminui.New(cfg)
	if err != nil {
		return nil, err
	}
	f.sites = append(f.sites, site{path: cfg.Base(), handler: pages, events: cfg.StreamPath()})
	return []lifecycle.Part{
		{Name: "admin", Run: f.schema.before(func(ctx context.Context) error { return f.keepAccounts(ctx, users) })},
		{Name: "admin messages", Run: f.schema.before(messages.Run)},
		{Name: "admin samples", Run: f.schema.before(messages.Watch)},
	}, nil
}

// repair returns what the commands of operators repair, too. It has the connections of lists, so that the admin pages take none
// from the relay and the consumer.
func (f *Frame) repair() repair.Service {
	return repair.Service{Pool: f.conns.requests.Pool(admission.List), Kafka: f.client, Publishes: slices.Concat(f.spec.Topics, f.spec.Queues), Consumes: f.spec.Consumes}
}

// A new service soon has its first user, also if the database was away. Sessions that have expired are worth nothing: they can
// stay in the table for some minutes.
const (
	firstUserPause = time.Second
	deleteSessions = 5 * time.Minute
)

// keepAccounts creates the first user, and then deletes expired sessions until ctx is done. A database that is away must not end
// the service.
func (f *Frame) keepAccounts(ctx context.Context, users *account.Users) error {
	for {
		random, err := users.CreateFirst(ctx, f.cfg.Admin)
		if err == nil {
			f.tellPassword(ctx, random)
			break
		}
		if ctx.Err() == nil {
			f.log.WarnContext(ctx, "the first user of the admin pages could not be created", "error", err)
		}
		if !delay.For(ctx, firstUserPause) {
			return nil
		}
	}
	return f.Repeat(ctx, deleteSessions, "expired sessions could not be deleted", func() error { return users.DeleteExpired(ctx) })
}

// tellPassword logs a random password. It is the only place where a person can read it.
func (f *Frame) tellPassword(ctx context.Context, random string) {
	if random != "" {
		f.log.WarnContext(ctx, "the user admin was created for the admin pages; this password is not shown again, and must be changed after the first sign-in",
			"user", "admin", "password", random)
	}
}
