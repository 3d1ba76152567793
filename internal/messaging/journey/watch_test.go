package journey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// news waits for the next news of a watcher.
func news(t *testing.T, w *journey.Watcher) []journey.Event {
	t.Helper()
	select {
	case events := <-w.News:
		return events
	case <-time.After(30 * time.Second):
		t.Fatal("no news")
		return nil
	}
}

// A watcher learns the present state at once, and each later one. One that reads nothing holds up nobody.
func TestWatchersLearnWhatIsNew(t *testing.T) {
	t.Parallel()
	pool := database(t)
	watch := journey.NewWatch(pool, journey.WatchConfig{Every: time.Millisecond, Most: 3}, quiet)
	run(t, watch.Run)
	ref := journey.Ref{Topic: "shop.order.v1", Key: "b", Version: 1}
	join := func(refs ...journey.Ref) *journey.Watcher {
		w, err := watch.Join(refs...)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	slow, all, one := join(), join(), join(ref)
	if _, err := watch.Join(); !errors.Is(err, journey.ErrTooMany) {
		t.Errorf("a fourth watcher: %v", err)
	}
	if first := news(t, all); len(first) != 0 {
		t.Errorf("at first there is %+v", first)
	}
	if first := news(t, one); len(first) != 0 {
		t.Errorf("at first there is %+v", first)
	}
	for _, key := range []string{"a", "b", "c"} {
		appendEvent(t, pool, ref.Topic, key, 1)
		if now := news(t, all); now[0].Ref.Key != key {
			t.Errorf("after %s, the newest is %+v", key, now[0])
		}
	}
	if now := news(t, one); len(now) != 1 || now[0].Ref != ref {
		t.Errorf("the watcher of one event sees %+v", now)
	}
	if now, err := watch.Now(t.Context(), ref); err != nil || len(now) != 1 || now[0].Ref != ref {
		t.Errorf("now there is %+v, %v", now, err)
	}
	for len(news(t, slow)) != 3 { // it may get the state before, but never an older one after a newer one
	}
	watch.Leave(slow)
	again := join()
	if now := news(t, again); len(now) != 3 {
		t.Errorf("a later watcher sees %+v", now)
	}
	watch.Stop()
	watch.Stop()
	<-watch.Stopped()
}
