package adminmessages_test

import (
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminmessages"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// The first page says that nothing needs a person, and shows the last hour and the parts.
func TestOverviewOfAHealthyService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.parts = []httpserver.CheckResult{{Name: "database", Status: "ok"}}
	p := b.SignIn(account.Viewer)
	kafkatest.Eventually(t, "the first sample is there", func() bool { return strings.Contains(p.Get("").Body, "<strong>0</strong> events now") })
	p.Get("").Must(200, "Nothing. All events are sent and applied.", "All parts of this instance work.", "The picture begins now: this instance has just started.", `role="img" aria-label="Unsent events in the last hour: now 0"`, "<polyline", "<dt>database</dt>")
}

// The first page lists everything that needs a person, with a link to the page that helps.
func TestOverviewOfAServiceInTrouble(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.busy()
	b.exec(`UPDATE outbox_event SET created_at = now() - interval '3 hours'`)
	b.exec(`UPDATE consumer_position SET paused_code = 'paused', paused_reason = 'x', paused_at = now()`)
	b.exec(`INSERT INTO outbox_pause (topic, reason) VALUES ('', 'x')`)
	b.exec(`INSERT INTO outbox_halt (topic, shard, code, reason, producer_id) VALUES ($1, 3, 'log_truncated', 'x', 1)`, b.own)
	b.parts = []httpserver.CheckResult{{Name: "kafka", Status: "degraded", Detail: "no broker answers " + evil}, {Name: "relay", Status: "degraded", Detail: "log_truncated (shards own-3)"}}
	b.needs = []adminmessages.Need{{Text: "Something else " + evil, Path: "things?state=bad", Link: "Which"}}
	p := b.SignIn(account.Viewer)
	page := p.Get("").Must(200,
		"Kafka has lost events that it had confirmed: "+b.own+` partition 3.</span> <a href="/admin/messages/relay">Why, and what to do</a>`,
		`1 event of another service could not be applied.</span> <a href="/admin/messages/dead-letters">`,
		`Kafka refuses 1 event.</span> <a href="/admin/messages/outbox">`,
		"The oldest unsent event waits for 3 h.", "Sending is paused.", "Receiving "+b.other+` is paused: partitions 0–1.</span> <a href="/admin/messages/consumer">`,
		"Something else "+evil, `<a href="/admin/things?state=bad">Which</a>`, "Some parts of this instance do not work.", "no broker answers "+evil)
	page.Must(200, `<dt>relay</dt><dd><span class="state">degraded</span> Kafka has lost events that it had confirmed. Sending is paused. Kafka refuses events. <a href`)
	if strings.Contains(page.Body, "(shards") || strings.Contains(page.Body, evil) || strings.Contains(page.Body, "All events are sent") {
		t.Errorf("the page is wrong: %s", page.Body)
	}
}

// An instance that cannot join its group reads no partition. So it does not know how far it is behind.
func TestOverviewWithoutKafka(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bundle) { b.consumes.Store(&consumer.State{LastError: "the consumer group cannot be joined"}) })
	p := b.SignIn(account.Viewer)
	const unknown = `<section class="panel picture"><h2>Events not yet applied</h2>
<p>Not known at the moment`
	b.parts = []httpserver.CheckResult{{Name: "relay", Status: "degraded", Detail: "a fault"}}
	kafkatest.Eventually(t, "the first sample is there", func() bool { return strings.Contains(p.Get("").Body, unknown) })
	p.Get("").Must(200, `aria-label="Events not yet applied in the last hour: not known"`, `<span class="state">degraded</span> a fault`)
}
