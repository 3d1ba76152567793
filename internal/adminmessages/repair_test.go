package adminmessages_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/broker"
)

const (
	adopt     = "/messages/repair/adopt"
	reset     = "/messages/repair/reset"
	republish = "/messages/repair/republish"
	compare   = "/messages/repair/compare"
	reassert  = "/messages/repair/reassert"
)

// An admin accepts a topic that was created again, after a page has said what that changes.
func TestAdopt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	b.exec(`UPDATE consumer_position SET next_offset = 7, topic_id = '00000000-0000-4000-8000-000000000001'`)
	b.exec(`INSERT INTO outbox_halt (topic, shard, code, reason, producer_id) VALUES ($1, 3, 'topic_recreated', 'it has another id', 1)`, b.own)
	b.exec(`INSERT INTO outbox_log SELECT $1, i, '00000000-0000-4000-8000-000000000001', 5 FROM generate_series(0, 11) i`, b.own)
	p := b.SignIn(account.Admin)
	p.Get(adopt).Must(200, "Accept what is in Kafka now?", "Sent by this service: "+b.own, "12 logs are accepted", "Read by this service: "+b.other,
		"2 positions move: partition 0 to offset 0, 1 to offset 0", `name="positions" value="start"`, `href="/admin/messages/repair/adopt?positions=end"`)
	p.Get(adopt+"?positions=end").Must(200, "1 to offset 1", `href="/admin/messages/repair/adopt?positions=start"`)
	p.Get(adopt + "?positions=7").Must(400)
	p.Post(adopt, "positions", "start").Must(422, "Reason has to say why.")
	if n := b.count(`outbox_halt`); n != 1 {
		t.Fatalf("%d halts after the questions", n)
	}
	p.Follow(p.Post(adopt, "positions", "start", "reason", "a test "+evil)).Must(200, "What is in Kafka is accepted.", "Send the state of everything again?")
	p.Get("/messages/relay").Must(200, "Nothing is wrong")
	if n := b.count(`consumer_position WHERE next_offset = 0`); n != 2 {
		t.Errorf("%d positions moved", n)
	}
	p.Get(adopt).Must(200, "none; halted shards begin again")
	if got := b.audited(); !slices.Equal(got, []string{"some-admin: adopt: a test " + evil}) {
		t.Errorf("audited %q", got)
	}
}

// An admin reads a topic again, or passes over a part of it.
func TestReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	b.exec(`UPDATE consumer_position SET next_offset = 1 WHERE part = 1`)
	p := b.SignIn(account.Admin)
	all := reset + "?topic=" + b.other
	if a := p.Get(all).Must(200, "Read the topic "+b.other+" from another place?", "<dt>Partition 1</dt><dd>from offset 1 to offset 0</dd>", "to=end"); strings.Contains(a.Body, `id="to"`) {
		t.Error("the page offers one offset for all partitions")
	}
	one := all + "&partition=1"
	p.Get(one+"&to=end").Must(200, "from offset 1 to offset 1", `<input id="to" name="to"`, `name="partition" value="1"`)
	p.Get(one+"&to=9").Must(422, "has the offsets 0 to 1.")
	p.Get(one + "&to=x").Must(422)
	p.Get(one + "5").Must(422)
	p.Get(reset + "?topic=unknown").Must(400)
	p.Post(reset, "topic", b.other, "partition", "1", "to", "0").Must(422, "Reason has to say why.")
	p.Follow(p.Post(reset, "topic", b.other, "partition", "1", "to", "0", "reason", "again")).Must(200, "1 position of "+b.other)
	if n := b.count(`consumer_position WHERE next_offset = 0`); n != 2 {
		t.Errorf("%d positions are at the start", n)
	}
	if got := b.audited(); !slices.Equal(got, []string{"some-admin: consumer reset: again"}) {
		t.Errorf("audited %q", got)
	}
}

// Without Kafka, a repair changes nothing and says so.
func TestRepairsWithoutKafka(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	b.kafka.Stop()
	p := b.SignIn(account.Admin)
	p.Get(adopt).Must(409, "nothing has changed")
}

// The state of everything is sent again in the background. The page shows the progress, and the audit keeps it.
func TestRepublish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append("c", 3)
	p := b.SignIn(account.Admin)
	p.Get("/messages/relay").Must(200, `href="/admin/messages/repair/republish?topic=`+b.own)
	p.Get(republish+"?topic="+b.own).Must(200, "Send the state of everything again?", "3 events at most")
	p.Get(republish + "?topic=" + b.other).Must(400)
	p.Post(republish, "topic", b.own).Must(422, "Reason has to say why.")
	page := b.ended(p, p.Post(republish, "topic", b.own, "reason", "the topic was lost"))
	page.Must(200, "Everything was appended to the outbox", "<strong>3</strong> of <strong>3</strong>", b.own+": events that were appended</th><td>2</td>",
		b.own+": things whose last event was unsent</th><td>1</td>", "the topic was lost")
	if n := b.count(`outbox_pending`); n != 3 {
		t.Errorf("%d events wait", n)
	}
	want := []string{"some-admin: outbox republish: the topic was lost", "some-admin: outbox republish run: the topic was lost"}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
	p.Get("/messages/audit").Must(200, "Show its progress")
}

// A database that has lost changes is compared with its topics first. Then everything is sent with higher versions.
func TestReassert(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for shard, m := range []struct {
		key     string
		version int64
	}{{"a", 9}, {"lost", 2}} {
		b.kafka.Write(t, broker.TopicPartition{Topic: b.own, Partition: shard}, broker.Record{Key: []byte(m.key), Value: thing(b.own, m.key, m.version).Payload, Time: time.Now()})
	}
	p := b.SignIn(account.Admin)
	p.Get(reassert).Must(409, "First compare the topics with the database")
	p.Get(compare).Must(200, "It changes nothing.", `href="/admin/messages/repair/compare?lost=delete"`)
	p.Get(compare + "?lost=other").Must(400)
	begun := p.Post(compare, "lost", "recover")
	b.ended(p, begun).Must(200, "Nothing has changed", "things that both have; their versions rise</th><td>1</td>", "things that only the database has</th><td>2</td>",
		"lost things that are built again</th><td>1</td>", b.own+", key lost, version 2: recovered", "Send with higher versions…")
	if n := b.count(`outbox_pending`); n != 0 {
		t.Fatalf("the comparison has appended %d events", n)
	}
	trial := strings.TrimPrefix(begun.To(), "/messages/runs/")
	p.Get(reassert+"?lost=delete&trial="+trial).Must(409, "was for another choice")
	p.Get(reassert+"?lost=recover&trial="+trial).Must(200, "Never do this in a copy", "lost things that are built again", "<dd>1</dd>")
	p.Post(reassert, "lost", "recover", "trial", trial).Must(422, "Reason has to say why.")
	b.ended(p, p.Post(reassert, "lost", "recover", "trial", trial, "reason", "restored a backup")).Must(200, "Everything was appended with higher versions")
	for key, version := range map[string]int64{"a": 10, "b": 3, "c": 3, "lost": 3} {
		var got int64
		b.row(&got, `SELECT version FROM outbox_pending WHERE key = $1`, key)
		if got != version {
			t.Errorf("%s is sent with version %d, want %d", key, got, version)
		}
	}
	want := []string{"some-admin: outbox reassert: restored a backup", "some-admin: outbox reassert run: restored a backup", "some-admin: outbox reassert dry-run: "}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
	b.exec(`UPDATE operator_action SET detail = jsonb_set(detail::jsonb, '{at}', '"2026-01-01T00:00:00Z"') WHERE command = 'outbox reassert dry-run'`)
	p.Post(reassert, "lost", "recover", "trial", trial, "reason", "again").Must(409, "is older than an hour")
}
