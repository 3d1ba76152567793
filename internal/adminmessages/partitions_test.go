package adminmessages_test

import (
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// A person pauses a partition with a reason, sees it, and resumes it.
func TestConsumer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	p := b.SignIn(account.Admin)
	p.Get("/messages/consumer").Must(200, b.other, "<strong>1</strong> offsets behind", `data-label="Behind">1</td>`)
	const pause, resume = "/messages/consumer/pause", "/messages/consumer/resume"
	p.Get(pause+"?topic="+b.other).Must(200, "Pause the topic "+b.other, "<dd>0, 1</dd>")
	p.Post(pause, "topic", b.other, "partition", "1").Must(422, "Reason has to say why.")
	p.Follow(p.Post(pause, "topic", b.other, "partition", "1", "reason", "a look "+evil)).Must(200, "Partition 1 of "+b.other+" is paused.", "1 paused", "A look "+evil+" (some-admin).", "Receiving "+b.other+" is paused.", "<dd>partition 1</dd>", "/admin/messages/consumer/resume?topic="+b.other)
	p.Get(pause+"?topic="+b.other+"&partition=1").Must(409, "Nothing is left to pause there")
	p.Get(resume+"?topic="+b.other).Must(200, "Resume the topic", "Partition 1")
	p.Follow(p.Post(resume, "topic", b.other)).Must(200, "The topic "+b.other+" goes on.")
	p.Get(resume+"?topic="+b.other).Must(409, "Nothing is paused there any more.")
	for _, bad := range []string{"", "?topic=unknown", "?topic=" + b.other + "&partition=x", "?topic=" + b.other + "&partition=-1"} {
		p.Get(pause + bad).Must(400)
	}
	p.Get("/messages/consumer/skip?topic=" + b.other).Must(400)
	want := []string{"some-admin: consumer resume: ", "some-admin: consumer pause: a look " + evil}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
}

// The next event of a partition can be passed over. It is kept as a dead letter.
func TestSkip(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	p := b.SignIn(account.Admin)
	skip := "/messages/consumer/skip"
	p.Get(skip+"?topic="+b.other+"&partition=1").Must(200, "Skip the next event of partition 1")
	p.Follow(p.Post(skip, "topic", b.other, "partition", "1", "reason", "it hangs")).Must(200, "The event at offset 0 is skipped. It is now dead letter 1.")
	if n := b.count(`dead_letter WHERE state = 'open'`); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

// Without Kafka the page still shows what the database knows.
func TestConsumerWithoutKafka(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.read()
	b.kafka.Stop()
	p := b.SignIn(account.Viewer)
	p.Get("/messages/consumer").Must(200, "Kafka does not answer", `data-label="Behind">unknown</td>`)
}

// A person pauses the sending, sees halts and shards, and resumes it.
func TestRelay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`INSERT INTO outbox_halt (topic, shard, code, reason, producer_id) VALUES ($1, 3, 'log_truncated', $2, 1)`, b.own, "the log ends "+evil)
	p := b.SignIn(account.Admin)
	p.Get("/messages/relay").Must(200, b.own+" partition 3", "<code>log_truncated</code>", "The log ends "+evil, "Kafka has lost events that it had confirmed.", `href="/admin/messages/repair/adopt"`, `href="/admin/messages/repair/republish?topic=`+b.own)
	const pause, resume = "/messages/relay/pause", "/messages/relay/resume"
	p.Get(pause).Must(200, "Pause sending?")
	p.Post(pause, "topic", b.own).Must(422, "Reason has to say why.")
	p.Follow(p.Post(pause, "topic", b.own, "reason", "a move")).Must(200, "Sending "+b.own+" is paused.", "A move (some-admin).", "Sending "+b.own+" is paused.")
	p.Get(pause+"?topic="+b.own).Must(409, "It is paused already.")
	p.Follow(p.Post(resume, "topic", b.own)).Must(200, "Sending "+b.own+" goes on.")
	p.Follow(p.Post(pause, "reason", "all")).Must(200, "Sending is paused.")
	p.Post(resume, "topic", b.own).Must(409, "Sending is paused as a whole.")
	p.Follow(p.Post(resume)).Must(200, "Sending goes on.")
	p.Get(pause + "?topic=unknown").Must(400)
	want := []string{"some-admin: outbox resume: ", "some-admin: outbox pause: all", "some-admin: outbox resume: ", "some-admin: outbox pause: a move"}
	if got := b.audited(); !slices.Equal(got, want) {
		t.Errorf("audited %q", got)
	}
}
