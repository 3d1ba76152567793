package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/time/rate"

	accessdb "github.com/monsplit/monsplit/internal/access/db"
	"github.com/monsplit/monsplit/internal/delay"
)

const (
	refreshEvery = 5 * time.Second        // how often the tokens are read
	refreshPause = 250 * time.Millisecond // the shortest time from one reading to the next one
	maxAge       = 15 * time.Second       // what was read before is not used
	readTimeout  = 2 * time.Second        // of one reading
	maxWait      = 2 * time.Second        // of a request, for a reading
	maxWaiting   = 100                    // requests that wait at the same time
	warnEvery    = time.Minute            // how often the log has an outage that lasts
)

var (
	errUnknown = errors.New("no valid token has this secret")
	errUnsure  = errors.New("the tokens cannot be read now") // the token may be valid
)

// valid is a token in memory.
type valid struct {
	name      string
	scopes    []Scope
	expiresAt time.Time
	limit     *rate.Limiter
}

// snapshot is what one reading has found.
type snapshot struct {
	began  time.Time
	tokens map[[sha256.Size]byte]*valid
}

// Tokens finds tokens by their secrets.
type Tokens struct {
	read  func(ctx context.Context) (map[[sha256.Size]byte]*valid, error)
	limit Limit
	log   *slog.Logger
	asked chan struct{} // holds an element if a request waits for a reading
	slots chan struct{} // holds an element for each request that waits

	mu    sync.Mutex
	last  snapshot
	ended chan struct{} // closed when the next reading has ended, also if it has failed

	// Of an outage, as Run sees it; zero without one.
	failing, warned time.Time
}

// Limit says how many requests one instance takes with one token.
type Limit struct {
	PerSecond int // 0 is without limit
	Burst     int
}

func (l Limit) limiter() *rate.Limiter {
	if l.PerSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(l.PerSecond), l.Burst)
}

// NewTokens returns the tokens in a database. Run has to run, or nothing is ever found. The pool should be for the tokens alone:
// requests that wait for a connection are let in only when the tokens have been read.
func NewTokens(pool *pgxpool.Pool, limit Limit, log *slog.Logger) *Tokens {
	return newTokens(func(ctx context.Context) (map[[sha256.Size]byte]*valid, error) { return readValid(ctx, pool) }, limit, log)
}

func newTokens(read func(context.Context) (map[[sha256.Size]byte]*valid, error), limit Limit, log *slog.Logger) *Tokens {
	return &Tokens{
		read: read, limit: limit, log: log,
		asked: make(chan struct{}, 1), slots: make(chan struct{}, maxWaiting), ended: make(chan struct{}),
	}
}

func readValid(ctx context.Context, pool *pgxpool.Pool) (map[[sha256.Size]byte]*valid, error) {
	rows, err := accessdb.New(pool).ListValidTokens(ctx, maxTokens)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	tokens := make(map[[sha256.Size]byte]*valid, len(rows))
	for _, r := range rows {
		tokens[[sha256.Size]byte(r.Hash)] = &valid{name: r.Name, scopes: scopesOf(r.Scopes), expiresAt: r.ExpiresAt}
	}
	return tokens, nil
}

// Run reads the tokens until ctx is done. Errors of the database are logged, and do not end it.
func (t *Tokens) Run(ctx context.Context) error {
	for {
		began := time.Now()
		t.refresh(ctx, began)
		if !delay.For(ctx, time.Until(began.Add(refreshPause))) {
			return nil
		}
		timer := time.NewTimer(time.Until(began.Add(refreshEvery)))
		select {
		case <-ctx.Done():
		case <-t.asked:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// refresh reads the tokens once. A token keeps its request limit.
func (t *Tokens) refresh(ctx context.Context, began time.Time) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	tokens, err := t.read(limited)
	if ctx.Err() == nil {
		t.report(ctx, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		for hash, token := range tokens {
			if before, ok := t.last.tokens[hash]; ok {
				token.limit = before.limit
			} else {
				token.limit = t.limit.limiter()
			}
		}
		t.last = snapshot{began, tokens}
	}
	close(t.ended)
	t.ended = make(chan struct{})
}

// report logs the begin and the end of an outage, and every warnEvery that it lasts. Requests that wait cause several readings in
// a second.
func (t *Tokens) report(ctx context.Context, err error) {
	now := time.Now()
	switch {
	case err == nil && !t.failing.IsZero():
		t.log.InfoContext(ctx, "the API tokens can be read again", "failed_for", now.Sub(t.failing).Round(time.Millisecond))
		t.failing, t.warned = time.Time{}, time.Time{}
	case err != nil && now.Sub(t.warned) >= warnEvery:
		t.log.WarnContext(ctx, "the API tokens could not be read", "error", err)
		t.warned = now
		if t.failing.IsZero() {
			t.failing = now
		}
	}
}

func (t *Tokens) state() (last snapshot, ended <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last, t.ended
}

// find returns the valid token with a secret. It fails with errUnknown or errUnsure.
func (t *Tokens) find(ctx context.Context, secret string) (*valid, error) {
	if !isSecret(secret) {
		return nil, errUnknown
	}
	hash, asked := hashOf(secret), time.Now()
	if last, _ := t.state(); asked.Sub(last.began) < maxAge {
		if token := last.tokens[hash]; token != nil {
			return token.unlessExpired(asked)
		}
	}
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	default:
		return nil, errUnsure
	}
	return t.await(ctx, hash, asked)
}

// await returns the token as it is in a reading that began after the request.
func (t *Tokens) await(ctx context.Context, hash [sha256.Size]byte, asked time.Time) (*valid, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	for {
		last, ended := t.state()
		if last.began.After(asked) {
			if token := last.tokens[hash]; token != nil {
				return token.unlessExpired(time.Now())
			}
			return nil, errUnknown
		}
		select {
		case t.asked <- struct{}{}:
		default: // Run knows already
		}
		select {
		case <-ctx.Done():
			return nil, errUnsure
		case <-ended:
		}
	}
}

func (v *valid) unlessExpired(now time.Time) (*valid, error) {
	if !now.Before(v.expiresAt) {
		return nil, errUnknown
	}
	return v, nil
}

func (v *valid) has(scope Scope) bool { return slices.Contains(v.scopes, scope) }
