package documented

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

// World is the clock and the source of ids of a server under test.
type World struct {
	mu  sync.Mutex
	now time.Time
	ids []uuid.UUID
}

// NewWorld returns a World whose clock stands still at now.
func NewWorld(now time.Time) *World { return &World{now: now} }

// Give sets the next ids. After them, ids are random.
func (w *World) Give(ids ...uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = ids
}

// Turn sets the clock to now.
func (w *World) Turn(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

// Now returns the time of the clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// NewID returns the next id.
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
