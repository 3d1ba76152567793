package serviceframe

import (
	"context"
	"log/slog"
	"sync"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
)

// schema knows whether the schema of the database is up to date. Until then, the API answers 503, and no other part uses
// the database.
type schema struct {
	spec  Spec
	cfg   config.Common
	check func(context.Context) error // returns an error if the database cannot be used
	log   *slog.Logger
	done  chan struct{} // closed when the schema is up to date

	mu    sync.Mutex
	lacks finding
}

const inProgress = "it is being brought up to date"

func newSchema(spec Spec, cfg config.Common, check func(context.Context) error, log *slog.Logger) *schema {
	s := &schema{spec: spec, cfg: cfg, check: check, log: log, done: make(chan struct{}), lacks: finding{inProgress, inProgress}}
	if !cfg.Database.MigrateOnStart { // then the schema is migrated by another process
		s.ready()
	}
	return s
}

func (s *schema) ready() {
	s.tell(finding{})
	close(s.done)
}

func (s *schema) tell(lacks finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacks = lacks
}

// finding tells why the schema is not up to date.
func (s *schema) finding() finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lacks
}

// available returns an error if the API cannot serve requests. The API calls it before each request.
func (s *schema) available() error {
	if s.finding() == (finding{}) {
		return nil
	}
	return apperr.New(apperr.Unavailable, "The database is away, or its schema is not up to date yet.")
}

// run is the Run of a lifecycle part. It returns an error, which ends the service, if the database refuses the service, if it is
// not the right one, or if its schema cannot be brought up to date.
func (s *schema) run(ctx context.Context) error {
	waiting := func(err error) {
		if s.cfg.Database.MigrateOnStart {
			s.tell(found("it waits for the database: ", err))
		}
	}
	if err := untilAnswered(ctx, s.log, waiting, s.check); err != nil {
		return err
	}
	if s.cfg.Database.MigrateOnStart {
		if err := s.spec.migrate(ctx, s.cfg, s.log, waiting); err != nil {
			return err
		}
		s.ready()
	}
	<-ctx.Done()
	return nil
}

// before returns a function for Part.Run that calls run when the schema is up to date.
func (s *schema) before(run func(ctx context.Context) error) func(ctx context.Context) error {
	return lifecycle.After(s.done, run)
}
