package admission

import (
	"container/list"
	"context"
	"sync"

	"github.com/monsplit/monsplit/internal/apperr"
)

// partsOf returns how many requests may work on a later part of their answer at the same time. These places do not count for the
// limit of lists: lists that are streamed cannot keep out new ones, and new ones cannot keep a list from its end.
func partsOf(lists int) int { return max(1, lists/16) }

// cutOff returns the error of an answer that the service gives up after it has begun.
func cutOff(detail string) *apperr.Error { return apperr.New(apperr.Unavailable, detail) }

// Send runs write, which sends a part of the answer to the client. The request gives up its place before: a client that does
// not read holds nothing that other requests need. A request that then works on its next part calls Next.
//
// An answer in progress takes memory. So only a limited number of requests wait in write at the same time. One more makes the
// one that has waited longest fail: Send calls its cut, which must end its write.
func Send(ctx context.Context, cut func(), write func() (int, error)) (int, error) {
	p := placeOf(ctx)
	if p == nil {
		return write()
	}
	p.giveUp()
	wait := &sending{class: p.class, cut: cut}
	p.gate.sendings.begin(wait)
	n, err := write()
	if p.gate.sendings.end(wait) {
		err = cutOff("Too many clients were slow to receive their lists. This one was the slowest.").Because(err)
	}
	return n, err
}

// Next takes a place for the next part of an answer, unless the request has a place. It waits for the place until ctx ends. If it
// fails, the request ends: it has begun its answer, and must be cut off.
func Next(ctx context.Context) error {
	p := placeOf(ctx)
	if p == nil || p.back != nil {
		return nil
	}
	g := p.gate
	select {
	case g.queue <- struct{}{}:
		defer func() { <-g.queue }()
	default:
		g.refuse(p.class, "stream")
		return cutOff("Too many lists waited for their next part.")
	}
	select {
	case g.parts <- struct{}{}:
	case <-ctx.Done():
		return cutOff("No place for the next part of the list became free in time.").Because(ctx.Err())
	}
	inFlight := g.inFlight.WithLabelValues(string(p.class))
	inFlight.Inc()
	p.back = func() {
		inFlight.Dec()
		<-g.parts
	}
	return nil
}

// sending is a write that waits for its client.
type sending struct {
	class Class
	cut   func()
	at    *list.Element // nil if it was cut off
}

// sendings are all writes that wait for their clients.
type sendings struct {
	limit int
	count func(waiting int)
	onCut func(Class)

	mu      sync.Mutex
	waiting list.List // of *sending; the first one has waited longest
}

func (s *sendings) begin(wait *sending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting.Len() >= s.limit {
		slowest := s.waiting.Remove(s.waiting.Front()).(*sending) //nolint:forcetypeassert // the list has no other values
		slowest.at = nil
		slowest.cut() // under the lock, so that its request has not ended
		s.onCut(slowest.class)
	}
	wait.at = s.waiting.PushBack(wait)
	s.count(s.waiting.Len())
}

// end reports whether the write was cut off.
func (s *sendings) end(wait *sending) (wasCut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait.at == nil {
		return true
	}
	s.waiting.Remove(wait.at)
	s.count(s.waiting.Len())
	return false
}
