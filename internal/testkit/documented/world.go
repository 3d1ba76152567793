package documented

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// World is the time and the ids that a server under test gets to see.
type World struct {
	mu  sync.Mutex
	now time.Time
	ids []uuid.UUID
}

// NewWorld stands still at now.
func NewWorld(now time.Time) *World { return &World{now: now} }

// Give sets the ids that are taken next; then others are made up again.
func (w *World) Give(ids ...uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = ids
}

// Turn sets the clock.
func (w *World) Turn(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

// Now is what the clock shows.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// NewID is the next id.
func (w *World) NewID() uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ids) == 0 {
		return uuid.Must(uuid.NewV7())
	}
	id := w.ids[0]
	w.ids = w.ids[1:]
	return id
}
