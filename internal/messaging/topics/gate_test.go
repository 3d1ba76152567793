package topics_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/topics"
)

// scriptedBroker answers with the given errors, one after the other, and then without an error.
type scriptedBroker struct {
	mu      sync.Mutex
	answers []error
	asked   []string
}

func (s *scriptedBroker) EnsureTopic(_ context.Context, spec broker.TopicSpec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, spec.Name)
	if len(s.answers) == 0 {
		return nil
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	return err
}

// CheckTopic answers as EnsureTopic does.
func (s *scriptedBroker) CheckTopic(ctx context.Context, spec broker.TopicSpec) error {
	return s.EnsureTopic(ctx, spec)
}

func (s *scriptedBroker) answer(answers ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

func TestGate(t *testing.T) {
	t.Parallel()
	away := errors.New("no broker answers")
	mismatch := &broker.TopicMismatchError{Topic: "a", Setting: "partitions", Have: "3", Want: "12", Advice: "Do this."}
	tests := map[string]struct {
		answers []error
		opens   time.Duration
		asked   int
		problem string // just before the gate opens
		told    string // for anyone
	}{
		"AtOnce":    {opens: 0, asked: 2, problem: "the topics are not checked yet"},
		"KafkaAway": {answers: []error{away, away}, opens: 2 * time.Second, asked: 4, problem: "no broker answers", told: "the topics cannot be checked"},
		"Mismatch":  {answers: []error{nil, mismatch}, opens: 10 * time.Second, asked: 4, problem: mismatch.Error(), told: mismatch.Error()},
		"Both": {answers: []error{errors.Join(mismatch, away)}, opens: 10 * time.Second, asked: 3, problem: mismatch.Error() + "\nno broker answers",
			told: mismatch.Error() + "\nthe topics cannot be checked"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s := &scriptedBroker{answers: tt.answers}
				gate := topics.NewGate(s, slog.New(slog.DiscardHandler), broker.TopicSpec{Name: "a"}, broker.TopicSpec{Name: "b"})
				began := time.Now()
				opened := make(chan time.Duration, 1)
				go func() {
					_ = gate.Behind(func(context.Context) error { opened <- time.Since(began); return nil })(ctx)
				}()
				if tt.opens == 0 && gate.Problem() != tt.problem {
					t.Errorf("problem %q", gate.Problem())
				}
				ended := make(chan error)
				go func() { ended <- gate.Run(ctx) }()
				if tt.opens > 0 {
					<-time.After(tt.opens - time.Millisecond)
					synctest.Wait()
					if gate.Problem() != tt.problem || gate.ForAnyone() != tt.told || len(opened) > 0 {
						t.Errorf("problem %q, for anyone %q, open already: %t", gate.Problem(), gate.ForAnyone(), len(opened) > 0)
					}
				}
				if after := <-opened; after != tt.opens || gate.Problem() != "" || gate.ForAnyone() != "" {
					t.Errorf("opened after %s, problem %q", after, gate.Problem())
				}
				cancel()
				if err := <-ended; err != nil || len(s.asked) != tt.asked {
					t.Errorf("asked for %q, %v", s.asked, err)
				}
			})
		})
	}
}

func TestGateStopsWhileClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		gate := topics.NewGate(&scriptedBroker{answers: []error{errors.New("away")}}, slog.New(slog.DiscardHandler), broker.TopicSpec{Name: "a"})
		ended := make(chan error, 2)
		go func() { ended <- gate.Run(ctx) }()
		go func() {
			ended <- gate.Behind(func(context.Context) error { return errors.New("it ran") })(ctx)
		}()
		synctest.Wait()
		cancel()
		if err := errors.Join(<-ended, <-ended); err != nil {
			t.Error(err)
		}
	})
}

// The gate stays open when a topic is changed, and says what was changed until that is undone. A Kafka that does not answer changes
// nothing about it. If it answers for one topic only, the gate says what it has told of this topic, and what it told before of the
// other.
func TestAnOpenGateWatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &scriptedBroker{}
		gate := topics.NewGate(s, slog.New(slog.DiscardHandler), broker.TopicSpec{Name: "a"}, broker.TopicSpec{Name: "b"})
		ended := make(chan error)
		go func() { ended <- gate.Run(ctx) }()
		synctest.Wait()
		away := errors.New("no broker answers")
		mismatch := &broker.TopicMismatchError{Topic: "b", Setting: "cleanup.policy", Have: "delete", Want: "compact", Advice: "Do this."}
		for _, step := range []struct {
			answers []error
			want    string
		}{
			{nil, ""}, {[]error{nil, mismatch}, mismatch.Error()}, {[]error{away, away}, mismatch.Error()},
			{[]error{broker.ErrUnknownTopic, away}, broker.ErrUnknownTopic.Error() + "\n" + mismatch.Error()},
			{[]error{away, nil}, broker.ErrUnknownTopic.Error()}, {nil, ""},
		} {
			s.answer(step.answers...)
			<-time.After(time.Minute)
			synctest.Wait()
			if got := gate.Problem(); got != step.want {
				t.Errorf("after %v: problem %q, want %q", step.answers, got, step.want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
