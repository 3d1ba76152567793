package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// retryAfter is the number of seconds after which a client should look again what became of its request.
const retryAfter int32 = 2

// successor is the API that takes the place of this one for changes of the catalog.
const successor = "/catalog/api/v1"

func changePath(id uuid.UUID) string { return "/api/v1/catalog-change/" + id.String() }

// outcome is the answer to a request that is pending or done.
type outcome struct {
	catalogchange.Answer
	applied []string // the preferences that were followed
}

// outcome waits for the outcome of a sent request, and fails with the owner's reason if the request was refused. err is the
// error of sending: then there is nothing to wait for.
func (a *API) outcome(
	ctx context.Context, op catalogchange.Operation, prefer *string, sent catalogchange.Request, err error,
) (outcome, error) {
	a.calls.count(ctx, op, err)
	if err != nil {
		return outcome{}, linked(err)
	}
	wait, async := httpserver.Prefer(prefer)
	limit, waits := a.limit(wait, async), true
	var o outcome
	if limit > 0 {
		err = httpserver.Pause(ctx, limit, func(ctx context.Context) (err error) {
			waits = ctx.Err() == nil // not if too many requests wait already
			o.Answer, err = a.changes.Await(ctx, sent)
			return err
		})
	} else {
		o.Answer, err = a.changes.Look(ctx, sent)
	}
	if err == nil && o.State == catalogchange.NotDone {
		err = problemOf(*o.Outcome)
	}
	if async {
		o.applied = append(o.applied, "respond-async")
	}
	if wait != nil && waits {
		o.applied = append(o.applied, httpserver.PreferenceApplied(limit))
	}
	return o, err
}

// limit returns how long to wait for an outcome.
func (a *API) limit(wait *time.Duration, async bool) time.Duration {
	switch {
	case wait != nil:
		return min(*wait, a.cfg.MaxWait)
	case async:
		return 0
	default:
		return a.cfg.ChangeWait
	}
}

// requested is the answer while the outcome is not known.
func (o outcome) requested() oapi.ChangeRequestedJSONResponse {
	headers := oapi.ChangeRequestedResponseHeaders{AggregateID: o.Entry.String(), Location: changePath(o.ID), RetryAfter: retryAfter}
	if len(o.applied) > 0 {
		headers.PreferenceApplied = new(strings.Join(o.applied, ", "))
	}
	return oapi.ChangeRequestedJSONResponse{Body: fromEntry(o.Wanted), Headers: headers}
}

// problemOf returns the reason of a request that was not carried out, as the owner's own API would give it.
func problemOf(o catalogchange.Outcome) *httpserver.Problem {
	if o.Problem == nil {
		p, _ := httpserver.ProblemOf(apperr.Coded(apperr.Conflict, "change-expired",
			"The owner of the entries got to the request after it had expired, and has not made the change."))
		return &p
	}
	p := &httpserver.Problem{Type: o.Problem.Type, Title: o.Problem.Title, Status: o.Problem.Status, Detail: o.Problem.Detail}
	for _, f := range o.Problem.Faults {
		p.Errors = append(p.Errors, httpserver.ProblemField(f))
	}
	return p
}

func fromProblem(p *httpserver.Problem) *oapi.Problem {
	problem := &oapi.Problem{Type: p.Type, Title: p.Title, Status: int32(p.Status)}
	if p.Detail != "" {
		problem.Detail = &p.Detail
	}
	for _, f := range p.Errors {
		problem.Errors = append(problem.Errors, oapi.Fault{Pointer: f.Pointer, Detail: f.Detail})
	}
	return problem
}

// linked adds to an error the address where its reader can learn more.
func linked(err error) error {
	if creation, ok := errors.AsType[*catalogchange.CreationError](err); ok {
		return httpserver.WithLink(err, changePath(creation.Request), "status")
	}
	if isNotTheOwner(err) {
		return httpserver.WithLink(err, successor, "successor-version")
	}
	return err
}
