package access

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// memory is a table of tokens for tests. The key is the secret.
type memory struct {
	mu     sync.Mutex
	tokens map[string]valid
	fault  error
	reads  atomic.Int64
}

func (m *memory) set(secret string, v *valid) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v == nil {
		delete(m.tokens, secret)
		return
	}
	if m.tokens == nil {
		m.tokens = map[string]valid{}
	}
	m.tokens[secret] = *v
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

func (m *memory) read(context.Context) (map[[sha256.Size]byte]*valid, error) {
	m.reads.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return nil, m.fault
	}
	tokens := map[[sha256.Size]byte]*valid{}
	for secret, token := range m.tokens {
		tokens[hashOf(secret)] = &token
	}
	return tokens, nil
}

// inBubble runs test in a synctest bubble, with tokens that are read from memory.
func inBubble(t *testing.T, test func(t *testing.T, m *memory, tokens *Tokens)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		tokens := newTokens(m.read, Limit{PerSecond: 1, Burst: 2}, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tokens.Run(ctx) }()
		synctest.Wait()
		test(t, m, tokens)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func forever() *valid {
	return &valid{name: "a", scopes: []Scope{Read}, expiresAt: time.Now().Add(time.Hour)}
}

// A token works from its creation on, and costs no query afterwards.
func TestATokenWorksAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		secret := newSecret()
		m.set(secret, forever())
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		before := m.reads.Load()
		for range 1000 {
			if _, err := tokens.find(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		if n := m.reads.Load() - before; n != 0 {
			t.Errorf("1000 requests cost %d queries", n)
		}
	})
}

// A revoked token is refused after refreshEvery.
func TestARevocationReachesTheCache(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		secret := newSecret()
		m.set(secret, forever())
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		m.set(secret, nil)
		<-time.After(refreshEvery)
		synctest.Wait()
		if _, err := tokens.find(t.Context(), secret); !errors.Is(err, errUnknown) {
			t.Errorf("after its revocation: %v", err)
		}
	})
}

// A token ends at its expiry, not when the tokens are read the next time.
func TestATokenExpiresInMemory(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		secret, token := newSecret(), forever()
		token.expiresAt = time.Now().Add(time.Second)
		m.set(secret, token)
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if _, err := tokens.find(t.Context(), secret); !errors.Is(err, errUnknown) {
			t.Errorf("after its expiry: %v", err)
		}
	})
}

// Without the database, known tokens work for maxAge. Then nothing is sure, and unknown ones are not sure at any time.
func TestWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		secret := newSecret()
		m.set(secret, forever())
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		m.fail(errors.New("away"))
		if _, err := tokens.find(t.Context(), newSecret()); !errors.Is(err, errUnsure) {
			t.Errorf("an unknown token: %v", err)
		}
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Errorf("a known token: %v", err)
		}
		<-time.After(maxAge)
		if _, err := tokens.find(t.Context(), secret); !errors.Is(err, errUnsure) {
			t.Errorf("a known token, later: %v", err)
		}
		m.fail(nil)
		<-time.After(refreshPause)
		if _, err := tokens.find(t.Context(), secret); err != nil {
			t.Errorf("a known token, after the database is back: %v", err)
		}
	})
}

// Unknown tokens share a few queries, and only so many requests wait for them. Other texts cost nothing.
func TestUnknownTokensAreCheap(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		<-time.After(refreshPause)
		before, began := m.reads.Load(), time.Now()
		var (
			all             sync.WaitGroup
			unknown, unsure atomic.Int64
		)
		for range 10 * maxWaiting {
			all.Go(func() {
				_, err := tokens.find(t.Context(), newSecret())
				switch {
				case errors.Is(err, errUnknown):
					unknown.Add(1)
				case errors.Is(err, errUnsure):
					unsure.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if unknown.Load()+unsure.Load() != 10*maxWaiting || unknown.Load() < maxWaiting {
			t.Errorf("%d are unknown, %d are not sure", unknown.Load(), unsure.Load())
		}
		if n, most := m.reads.Load()-before, int64(time.Since(began)/refreshPause)+1; n > most {
			t.Errorf("%d queries in %s", n, time.Since(began))
		}
		before = m.reads.Load()
		for _, text := range []string{"", "x", Prefix, Prefix + "abc", newSecret() + "a", newSecret()[1:]} {
			if _, err := tokens.find(t.Context(), text); !errors.Is(err, errUnknown) {
				t.Errorf("%q: %v", text, err)
			}
		}
		if n := m.reads.Load() - before; n != 0 {
			t.Errorf("texts that are no secrets cost %d queries", n)
		}
	})
}

// A token does not get a new request limit each time the tokens are read.
func TestATokenKeepsItsLimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, m *memory, tokens *Tokens) {
		secret := newSecret()
		m.set(secret, forever())
		first, err := tokens.find(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * refreshEvery)
		synctest.Wait()
		if second, err := tokens.find(t.Context(), secret); err != nil || second.limit != first.limit || second == first {
			t.Errorf("%+v, then %+v, %v", first, second, err)
		}
	})
}

func TestSecretsAreLongAndDifferent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		secret := newSecret()
		if !isSecret(secret) || seen[secret] {
			t.Fatalf("%q", secret)
		}
		seen[secret] = true
	}
}

// run reads the tokens until the end of the test.
func run(t *testing.T, part func(ctx context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// The log has an outage when it begins, once a minute while it lasts, and when it ends, however many requests wait for a reading.
func TestAnOutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := &memory{}
		tokens := newTokens(m.read, Limit{}, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- tokens.Run(ctx) }()
		synctest.Wait()
		ask := func(lasting time.Duration) { // requests come all the time
			for end := time.Now().Add(lasting); time.Now().Before(end); {
				_, _ = tokens.find(t.Context(), newSecret())
				<-time.After(refreshPause)
			}
		}
		lines := func(want map[string]int) {
			t.Helper()
			synctest.Wait()
			for text, n := range want {
				if got := strings.Count(log.String(), text); got != n {
					t.Errorf("%d lines with %q, want %d:\n%s", got, text, n, log.String())
				}
			}
		}
		m.fail(errors.New("away"))
		ask(warnEvery / 2)
		lines(map[string]int{"could not be read": 1, "can be read again": 0})
		ask(2 * warnEvery)
		lines(map[string]int{"could not be read": 3, "can be read again": 0})
		m.fail(nil)
		ask(warnEvery)
		lines(map[string]int{"could not be read": 3, "can be read again": 1})
		m.fail(errors.New("away"))
		ask(time.Second)
		lines(map[string]int{"could not be read": 4, "can be read again": 1})
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
