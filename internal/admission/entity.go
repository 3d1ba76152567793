package admission

import (
	"context"
	"sync"
	"time"
)

// Entities bound how many changes of the same entity run at the same time. Changes of one entity wait for each other in the
// database, and each would hold a connection meanwhile: one entity could use up the connections of all changes. So most of them
// wait here, without a connection.
type Entities struct {
	Running int           // how many run at the same time
	Wait    time.Duration // how long the others wait
}

// mostChanges is how many changes of an entity run or wait at the same time. More are refused at once, so that they do not use up
// the limit of their class.
const mostChanges = 16

// queues has a queue for each entity that is being changed.
type queues struct {
	Entities
	mu       sync.Mutex
	byEntity map[string]*queue
}

type queue struct {
	running chan struct{}
	members int // running and waiting
}

// enter waits until a change of the entity may run. It returns nil if that takes too long, or if too many others wait.
func (q *queues) enter(ctx context.Context, entity string) (leave func()) {
	if entity == "" || q.Running <= 0 {
		return func() {}
	}
	own := q.join(entity)
	if own == nil {
		return nil
	}
	timer := time.NewTimer(q.Wait)
	defer timer.Stop()
	select {
	case own.running <- struct{}{}:
		return func() {
			<-own.running
			q.quit(entity, own)
		}
	case <-timer.C:
	case <-ctx.Done():
	}
	q.quit(entity, own)
	return nil
}

func (q *queues) join(entity string) *queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	own := q.byEntity[entity]
	if own == nil {
		own = &queue{running: make(chan struct{}, q.Running)}
		q.byEntity[entity] = own
	}
	if own.members >= max(mostChanges, q.Running) {
		return nil
	}
	own.members++
	return own
}

func (q *queues) quit(entity string, own *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if own.members--; own.members == 0 {
		delete(q.byEntity, entity)
	}
}
