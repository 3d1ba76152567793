package journey

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// ErrTooMany reports that as many people watch as may watch at the same time.
var ErrTooMany = errors.New("too many people watch at the moment")

// WatchConfig sets how a Watch looks at the database. Each comment ends with the default of the zero value.
type WatchConfig struct {
	Every  time.Duration // between two looks while anybody watches; 250 ms
	Most   int           // how many watchers there may be; 50
	Newest int           // how many events a watcher of all events sees; 12
}

// Watch tells watchers what is new. One look at the database serves all of them. A watcher that is slow misses states in between,
// and holds up nobody.
type Watch struct {
	db  messagingdb.DBTX
	cfg WatchConfig
	log *slog.Logger

	wake    chan struct{} // a watcher has come
	stopped chan struct{}
	stop    sync.Once

	mu       sync.Mutex
	watchers map[*Watcher]bool
}

// Watcher is one person who watches.
type Watcher struct {
	// News has the events as they are now, whenever they have changed: the newest of all, or the one that the watcher has asked for.
	News chan []Event

	refs  []Ref
	seen  []Event
	first bool // nothing was sent yet
}

// NewWatch returns a Watch of this database. Nobody learns anything before Run is called.
func NewWatch(db messagingdb.DBTX, cfg WatchConfig, log *slog.Logger) *Watch {
	if cfg.Every <= 0 {
		cfg.Every = 250 * time.Millisecond
	}
	if cfg.Most <= 0 {
		cfg.Most = 50
	}
	if cfg.Newest <= 0 {
		cfg.Newest = 12
	}
	return &Watch{
		db: db, cfg: cfg, log: log, wake: make(chan struct{}, 1), stopped: make(chan struct{}), watchers: map[*Watcher]bool{},
	}
}

// Now returns what a new watcher with these events would see first.
func (w *Watch) Now(ctx context.Context, refs ...Ref) ([]Event, error) {
	if len(refs) == 0 {
		return Newest(ctx, w.db, w.cfg.Newest)
	}
	found, err := Find(ctx, w.db, refs...)
	return pick(found, refs), err
}

// Read is the function Read, of the watched database.
func (w *Watch) Read(ctx context.Context, ref Ref) (Record, bool, error) { return Read(ctx, w.db, ref) }

// pick returns the events that were found, in the order of the refs.
func pick(found map[Ref]Event, refs []Ref) (events []Event) {
	for _, r := range refs {
		if e, ok := found[r]; ok {
			events = append(events, e)
		}
	}
	return events
}

// Join adds a watcher of some events, or of the newest ones of all. Call Leave at its end. It fails with ErrTooMany.
func (w *Watch) Join(refs ...Ref) (*Watcher, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.watchers) >= w.cfg.Most {
		return nil, ErrTooMany
	}
	one := &Watcher{News: make(chan []Event, 1), refs: refs, first: true}
	w.watchers[one] = true
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return one, nil
}

// Leave removes a watcher.
func (w *Watch) Leave(one *Watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, one)
}

// Stopped is closed when all watchers must end.
func (w *Watch) Stopped() <-chan struct{} { return w.stopped }

// Stop asks all watchers to end.
func (w *Watch) Stop() { w.stop.Do(func() { close(w.stopped) }) }

// Run looks at the database while anybody watches, until ctx is done. It is the Run of a lifecycle.Part.
func (w *Watch) Run(ctx context.Context) error {
	failing := false
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil
		}
		for w.watched() {
			err := w.look(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				w.log.WarnContext(ctx, "what became of events cannot be read for those who watch", "error", err)
			}
			failing = err != nil
			if !w.pause(ctx) {
				return nil
			}
		}
	}
}

// pause waits until the next look, or until a new watcher has come. It reports false if ctx is done.
func (w *Watch) pause(ctx context.Context) bool {
	timer := time.NewTimer(w.cfg.Every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

func (w *Watch) watched() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watchers) > 0
}

// lookTimeout bounds one look.
const lookTimeout = 5 * time.Second

// look reads once what all watchers want to know, and tells those for whom something has changed.
func (w *Watch) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	refs, all := w.wanted()
	var newest []Event
	var found map[Ref]Event
	var err error
	if all {
		if newest, err = Newest(ctx, w.db, w.cfg.Newest); err != nil {
			return err
		}
	}
	if len(refs) > 0 {
		if found, err = Find(ctx, w.db, refs...); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.watchers {
		if len(one.refs) == 0 && all {
			one.tell(newest)
		} else if len(one.refs) > 0 && found != nil {
			one.tell(pick(found, one.refs))
		}
	}
	return nil
}

// wanted returns the events that the watchers have asked for, and whether anybody wants the newest ones.
func (w *Watch) wanted() (refs []Ref, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[Ref]bool{}
	for one := range w.watchers {
		all = all || len(one.refs) == 0
		for _, r := range one.refs {
			if !known[r] {
				known[r] = true
				refs = append(refs, r)
			}
		}
	}
	return refs, all
}

// tell gives the watcher the events if they have changed. News that it has not read yet is replaced. Only look calls tell, so that
// there is always room then.
func (o *Watcher) tell(events []Event) {
	if !o.first && reflect.DeepEqual(o.seen, events) {
		return
	}
	o.first, o.seen = false, events
	select {
	case <-o.News:
	default:
	}
	o.News <- events
}
