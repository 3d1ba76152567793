package repair_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func (s *system) changeEach(keys []string) {
	s.Helper()
	for _, key := range keys {
		s.must(s.change(key, key, false))
	}
}

func keysOf(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("key-%03d", i))
	}
	return keys
}

// A topic is lost with everything in it, and the current versions are published again.
func TestRepublish(t *testing.T) {
	t.Parallel()
	s := setup(t)
	keys := keysOf(250) // more than a page
	s.changeEach(keys)
	s.changeEach(keys[:50])
	s.started()
	s.allSent()
	s.stop()
	s.kafka.Reset(t, s.Publishes...)
	s.createTopics()
	if _, err := s.Adopt(t.Context(), operator, repair.AdoptOptions{Positions: consumer.AtStart()}); err != nil {
		t.Fatal(err)
	}
	s.changeEach(keys[100:110]) // still pending

	models := []repair.Model{s.model}
	want := []repair.Republished{{Topic: s.model.Topic, Aggregates: 250, Appended: 240, Pending: 10}}
	pending := func() int64 { return query[int64](s, `SELECT count(*) FROM outbox_pending`) }
	got, err := repair.Republish(t.Context(), s.Pool, models, operator, repair.RepublishOptions{DryRun: true})
	if err != nil || !slices.Equal(got, want) || pending() != 10 || len(s.actions()) != 1 {
		t.Errorf("dry run: %+v, %v, %d pending, recorded %q", got, err, pending(), s.actions())
	}
	var shown []string
	options := repair.RepublishOptions{Progress: func(done, total int) { shown = append(shown, fmt.Sprintf("%d/%d", done, total)) }}
	if got, err := repair.Republish(t.Context(), s.Pool, models, operator, options); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := strings.Join(shown, " "); got != "200/250 250/250" {
		t.Errorf("progress %s", got)
	}
	s.restore(pgtest.URL(s.Pool)) // the relay starts again
	s.allSent()
	logs := s.logs()
	for i, key := range keys {
		want := "1 " + key
		if i < 50 || i >= 100 && i < 110 {
			want = "2 " + key
		}
		if !slices.Equal(logs[key], []string{want}) {
			t.Errorf("the log of %s is %q, want %q", key, logs[key], want)
		}
	}
	actions, err := audit.List(t.Context(), s.Pool, audit.Filter{Limit: 10})
	if err != nil || len(actions) != 2 || actions[0].By != "ann" || actions[0].Command != "outbox republish" ||
		!strings.Contains(string(actions[0].Detail), `"appended": 240`) {
		t.Errorf("the audit has %+v, %v", actions, err)
	}
}

// Changes go on while the state is published again. The log of a key stays in the order of its versions.
func TestRepublishBesideChanges(t *testing.T) {
	t.Parallel()
	s := setup(t)
	keys := keysOf(40)
	s.changeEach(keys)
	var all errgroup.Group
	for w := range 4 {
		all.Go(func() error {
			for range 10 {
				for i := w; i < len(keys); i += 4 {
					if err := s.change(keys[i], keys[i], false); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	all.Go(func() error {
		for range 5 {
			if _, err := repair.Republish(t.Context(), s.Pool, []repair.Model{s.model}, operator, repair.RepublishOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	s.allSent()
	for key, log := range s.logs() {
		version := 0
		for _, state := range log {
			var next int
			if _, err := fmt.Sscan(state, &next); err != nil || next < version {
				t.Errorf("the log of %s is %q: %v", key, log, err)
			}
			version = next
		}
		if version != 11 {
			t.Errorf("the log of %s ends with version %d", key, version)
		}
	}
}

// An interrupted run leaves whole pages, and says so in the audit. The next run does the rest.
func TestRepublishIsInterrupted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.stop()
	s.changeEach(keysOf(30))
	s.exec(`DELETE FROM outbox_pending`)
	ctx, cancel := context.WithCancel(t.Context())
	models := []repair.Model{s.model}
	_, err := repair.Republish(ctx, s.Pool, models, operator, repair.RepublishOptions{Rate: 50, Progress: func(int, int) { cancel() }})
	if n := query[int64](s, `SELECT count(*) FROM outbox_pending`); !errors.Is(err, context.Canceled) || n != 10 {
		t.Errorf("%v, %d pending", err, n)
	}
	if got, err := repair.Republish(t.Context(), s.Pool, models, operator, repair.RepublishOptions{}); err != nil || got[0].Appended != 20 || got[0].Pending != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	if n := query[int64](s, `SELECT count(*) FROM operator_action WHERE detail->0->>'appended' IN ('10', '20')`); n != 2 {
		t.Errorf("%d records", n)
	}
}
