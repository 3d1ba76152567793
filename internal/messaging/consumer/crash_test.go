package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// H2 zombie consumer: A has a batch and is paused. The partition moves to B, which applies the same records. A goes on.
func TestAZombieConsumerAppliesNothing(t *testing.T) {
	t.Parallel()
	records := log(0, named("a", 1), named("b", 1))

	t.Run("paused before its transaction", func(t *testing.T) {
		t.Parallel()
		a := setup(t)
		a.seed(0)
		b := on(t, a.pool)
		b.seed(0)
		b.handle(0, records[0].Record, records[1].Record)
		b.handle(2, named("a", 2))
		wantReseek(t, a.Handle(t.Context(), tp, 0, broker.At(2), records))
		a.wantChanges("a1 b1 a2")
		a.wantPosition(3)
	})

	t.Run("paused in its transaction", func(t *testing.T) {
		t.Parallel()
		paused, resume := make(chan struct{}), make(chan struct{})
		a := setup(t, wrap(func(context.Context, int64, *tx) error {
			close(paused)
			<-resume
			return nil
		}))
		a.seed(0)
		b := on(t, a.pool)
		b.seed(0)
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = a.Handle(t.Context(), tp, 0, broker.At(2), records) })
		<-paused
		wg.Go(func() { errs[1] = b.Handle(t.Context(), tp, 0, broker.At(2), records) })
		close(resume)
		wg.Wait()
		if errs[0] != nil {
			t.Errorf("the first failed: %s", errs[0])
		}
		wantReseek(t, errs[1])
		a.wantChanges("a1 b1")
		a.wantPosition(2)
	})

	t.Run("both at once", func(t *testing.T) {
		t.Parallel()
		a := setup(t)
		a.seed(0)
		b := on(t, a.pool)
		b.seed(0)
		var applied, reseeks atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			for _, x := range []*bundle{a, b} {
				wg.Go(func() {
					switch err := x.Handle(t.Context(), tp, 0, broker.At(2), records); {
					case err == nil:
						applied.Add(1)
					case errors.Is(err, broker.ErrReseek):
						reseeks.Add(1)
					}
				})
			}
		}
		wg.Wait()
		if applied.Load() != 1 || reseeks.Load() != 3 {
			t.Errorf("%d were applied and %d got ErrReseek, want 1 and 3", applied.Load(), reseeks.Load())
		}
		a.wantChanges("a1 b1")
	})
}

// If the consumer is killed within a batch, everything is applied once after the restart.
func TestACutContextLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := setup(t, wrap(func(_ context.Context, call int64, _ *tx) error {
		if call == 1 {
			cancel()
		}
		return nil
	}))
	b.seed(0)
	records := log(0, named("a", 1), named("b", 1))
	if err := b.Handle(ctx, tp, 0, broker.At(2), records); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the cancellation", err)
	}
	b.wantPosition(0)
	b.wantChanges("")
	b = on(t, b.pool)
	b.seed(0)
	b.handle(0, records[0].Record, records[1].Record)
	b.wantChanges("a1 b1")
}

func TestAContextCutInTheFallback(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := setup(t, wrap(func(_ context.Context, call int64, _ *tx) error {
		if call == 3 { // the batch, then "a", then this one
			cancel()
		}
		return nil
	}))
	b.seed(0)
	if err := b.Handle(ctx, tp, 0, broker.At(3), log(0, named("a", 1), failing("b", 1, "poison"), named("c", 1))); err == nil {
		t.Error("no error")
	}
	b.wantPosition(1)
	b.wantChanges("a1")
	b.handle(1, failing("b", 1, "poison"), named("c", 1))
	b.wantChanges("a1 c1")
	b.wantLetters("1:poison/open")
}

// H9 lost answer to COMMIT: PostgreSQL commits, and the connection dies before the answer arrives. The consumer cannot know
// about the commit, and the batch is offered again.
func TestTheAnswerToACommitIsLost(t *testing.T) {
	t.Parallel()
	first := setup(t)
	first.seed(0)
	line := &line{}
	b := on(t, line.pool(t, first.pool))
	b.seed(0)
	records := log(0, named("a", 1), failing("b", 1, "poison"), named("c", 1))

	line.loseCommits.Store(1)
	err := b.Handle(t.Context(), tp, 0, broker.At(1), records[:1])
	if err == nil || errors.Is(err, broker.ErrReseek) {
		t.Fatalf("error %v, want the connection's", err)
	}
	first.wantPosition(1)
	wantReseek(t, b.Handle(t.Context(), tp, 0, broker.At(1), records[:1]))
	b.seed(0) // the client asks for the position
	if p := b.State().Partitions[0]; p.Held != "" || p.Position != 1 {
		t.Errorf("the state says %+v", p)
	}

	line.loseCommits.Store(1) // the COMMIT of the dead letter; the batch of two is rolled back before
	if err := b.Handle(t.Context(), tp, 1, broker.At(3), records[1:]); err == nil {
		t.Fatal("no error")
	}
	first.wantPosition(2)
	wantReseek(t, b.Handle(t.Context(), tp, 1, broker.At(3), records[1:]))
	b.handle(2, records[2].Record)
	first.wantChanges("a1 c1")
	first.wantLetters("1:poison/open")
}

// While the database is away the partition is held. It continues by itself.
func TestPostgreSQLIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	first := setup(t)
	line := &line{}
	b := on(t, line.pool(t, first.pool))
	b.seed(0)
	b.handle(0, named("a", 1))
	line.cut()
	for n := 1; n <= 3; n++ {
		if err := b.Handle(t.Context(), tp, 1, broker.At(2), log(1, named("a", 2))); err == nil || errors.Is(err, broker.ErrReseek) {
			t.Fatalf("error %v, want one that holds the partition", err)
		}
		if p := b.State().Partitions[0]; p.Held == "" || p.Attempts != n {
			t.Errorf("the state says %+v", p)
		}
	}
	if _, err := b.Position(t.Context(), tp, broker.LogStart{}); err == nil {
		t.Error("read a position without a database")
	}
	line.mend()
	b.handle(1, named("a", 2))
	first.wantChanges("a1 a2")
	if problems := b.State().Problems(); len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
}

// line is the network to PostgreSQL, which a test can cut.
type line struct {
	loseCommits atomic.Int64 // how many more answers to COMMIT to lose
	mu          sync.Mutex
	away        bool
	conns       []net.Conn
}

// pool returns a pool that connects to other's database over the line.
func (l *line) pool(t *testing.T, other *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pgtest.URL(other))
	if err != nil {
		t.Fatal(err)
	}
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.away {
			return nil, errors.New("connection refused")
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.conns = append(l.conns, conn)
		return &lossy{Conn: conn, line: l}, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = false
}

// lossy is a connection that dies when the answer to a COMMIT arrives.
type lossy struct {
	net.Conn
	line   *line
	losing atomic.Bool
}

func (c *lossy) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("commit\x00")) && c.line.loseCommits.Add(-1) >= 0 {
		c.losing.Store(true)
	}
	return c.Conn.Write(p)
}

func (c *lossy) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.losing.Load() {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}
