package serviceframe

import (
	"context"
	"log/slog"
	"sync"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/postgres"
)

// schema knows whether the tables are there. Until they are, the API says so and nobody else touches the database.
type schema struct {
	spec Spec
	cfg  config.Common
	log  *slog.Logger
	done chan struct{} // closed when the schema is up to date

	mu    sync.Mutex
	lacks string
}

func newSchema(spec Spec, cfg config.Common, log *slog.Logger) *schema {
	s := &schema{spec: spec, cfg: cfg, log: log, done: make(chan struct{}), lacks: "it is being brought up to date"}
	if !cfg.Database.MigrateOnStart { // somebody else sees to it
		s.ready()
	}
	return s
}

func (s *schema) ready() {
	s.tell("")
	close(s.done)
}

func (s *schema) tell(lacks string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacks = lacks
}

// problem says why the schema is not up to date; "" when it is.
func (s *schema) problem() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lacks
}

// available is what the API asks before each request.
func (s *schema) available() error {
	if s.problem() == "" {
		return nil
	}
	return apperr.New(apperr.Unavailable, "The database is away, or not ready yet.")
}

// run is a lifecycle part. A schema that cannot be brought up to date ends the service.
func (s *schema) run(ctx context.Context) error {
	if s.cfg.Database.MigrateOnStart {
		waiting := func(err error) { s.tell("it waits for the database: " + postgres.Brief(err)) }
		if err := s.spec.migrate(ctx, s.cfg, s.log, waiting); err != nil {
			return err
		}
		s.ready()
	}
	<-ctx.Done()
	return nil
}

// before returns a lifecycle part's function that begins when the schema is up to date.
func (s *schema) before(run func(ctx context.Context) error) func(ctx context.Context) error {
	return lifecycle.After(s.done, run)
}
