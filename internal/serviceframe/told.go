package serviceframe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
)

// finding is what a check has found out.
type finding struct {
	told  string // for anyone: sentences and codes of our own, because anyone may read /readyz; "" if all is well
	whole string // for the log
}

// found returns the finding of an error. what begins the sentence for anyone; it may be empty.
func found(what string, err error) finding {
	if err == nil {
		return finding{}
	}
	return finding{what + telling(err), err.Error()}
}

// sentences returns the finding of two lists of sentences.
func sentences(told, whole []string) finding {
	return finding{strings.Join(told, "\n"), strings.Join(whole, "\n")}
}

// The sentences about errors that nothing more is known of.
const (
	tellNoName  = "its host name cannot be resolved"
	tellTimeout = "it does not answer in time"
	tellNoWay   = "it cannot be reached"
	tellFailure = "it fails; see the log"
)

// sqlState is the form of the error codes of SQL.
var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// telling returns what anyone may read about an error: one of a closed set of sentences, with a code of PostgreSQL or Kafka. The text
// of an error may name hosts, users, files and data.
func telling(err error) string {
	if advice := cmp.Or(databaseAdvice(err), broker.Advice(err)); advice != "" {
		return advice
	}
	state, name := pgtx.SQLState(err), broker.ErrorName(err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, unconnected := errors.AsType[*net.OpError](err)
	switch {
	case sqlState.MatchString(state):
		return "the database reports SQLSTATE " + state
	case name != "":
		return "Kafka reports the error " + name
	case unresolved:
		return tellNoName
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return tellTimeout
	case unconnected, pgtx.NoSession(err), postgres.IsUnavailable(err):
		return tellNoWay
	default:
		return tellFailure
	}
}

// databaseAdvice returns what to do about an error of pools.check, or "".
func databaseAdvice(err error) string {
	if errors.Is(err, postgres.ErrOtherDatabase) {
		return postgres.ErrOtherDatabase.Error()
	}
	return pgtx.Refusal(err)
}

// retold is the time after which a finding that lasts is logged again.
const retold = time.Minute

// teller tells what the checks find: to the log everything, and to those who ask what anyone may read.
type teller struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	last map[string]toldAt // by the name of the check
}

type toldAt struct {
	told string
	at   time.Time
}

func newTeller(log *slog.Logger) *teller {
	return &teller{log: log, now: time.Now, last: map[string]toldAt{}}
}

// ask returns the Ask of a check.
func (t *teller) ask(name string, check func(context.Context) finding) func(context.Context) error {
	return func(ctx context.Context) error {
		f := check(ctx)
		t.note(ctx, name, f)
		if f.told == "" {
			return nil
		}
		return errors.New(f.told)
	}
}

// note logs a finding that is new, one that has lasted for a minute, and its end.
func (t *teller) note(ctx context.Context, name string, f finding) {
	t.mu.Lock()
	last, now := t.last[name], t.now()
	news := f.told != last.told || f.told != "" && now.Sub(last.at) >= retold
	if news {
		t.last[name] = toldAt{f.told, now}
	}
	t.mu.Unlock()
	switch {
	case !news:
	case f.told == "":
		t.log.InfoContext(ctx, "ready again", "check", name)
	default:
		t.log.WarnContext(ctx, "not ready", "check", name, "error", f.whole)
	}
}
