package adminmessages

import (
	"context"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// A part of the service samples how much waits, so that the overview can show the last hour. The samples are in the memory of
// each instance, and there is a fixed number of them.
const (
	sampleEvery = 10 * time.Second
	sampleTime  = 5 * time.Second // for one sample
	watched     = time.Hour
	mostSamples = int(watched / sampleEvery)
)

// sample is what waited at one time.
type sample struct {
	at             time.Time
	unsent, behind int64 // -1 if it was not known
}

// samples are those of the last hour, the oldest first.
type samples struct {
	mu   sync.Mutex
	list []sample
}

func (s *samples) add(one sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == mostSamples {
		s.list = append(s.list[:0], s.list[1:]...)
	}
	s.list = append(s.list, one)
}

// since returns the samples after a time.
func (s *samples) since(t time.Time) []sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range s.list {
		if one.at.After(t) {
			return append([]sample(nil), s.list[i:]...)
		}
	}
	return nil
}

// Watch takes samples until ctx is done.
func (p *Pages) Watch(ctx context.Context) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		p.samples.add(p.sample(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *Pages) sample(ctx context.Context) sample {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	one := sample{at: p.now(), unsent: -1, behind: p.behind()}
	if status, err := outbox.ReadStatus(ctx, p.Repair.Pool); err == nil { // without the database, the sample is not known
		one.unsent = status.Pending
	}
	return one
}

// behind returns how many offsets this instance is behind in the partitions that it reads; -1 if it is not known. While the instance
// cannot join its group, it reads no partition.
func (p *Pages) behind() (sum int64) {
	state := p.State()
	if state.LastError != "" {
		return -1
	}
	for _, one := range state.Partitions {
		if one.Lag < 0 {
			return -1
		}
		sum += one.Lag
	}
	return sum
}
