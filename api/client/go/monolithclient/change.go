package monolithclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// lookAgain is the pause between two looks at a change if the service does not name another one.
const lookAgain = time.Second

// AwaitCatalogChange reads a change of the catalog until it is finished. location is Headers202.Location of the answer that
// left the outcome open. If the change was made, it can be read now.
//
// If the change was refused, the error is the same *apiclient.Problem as an immediate answer would have been. If ctx ends
// first, the error wraps that of ctx, and the change is as it was last read, or nil. The change is still pursued then: call
// AwaitCatalogChange again to go on. A service that is away for a moment, and says when to try again, does not end the wait.
func (c *Client) AwaitCatalogChange(ctx context.Context, location string) (last *CatalogChange, err error) {
	id, err := CatalogChangeID(location)
	if err != nil {
		return nil, err
	}
	for {
		var pause time.Duration
		answer, err := c.GetCatalogChangeWithResponse(ctx, id)
		switch problem, ok := errors.AsType[*apiclient.Problem](err); {
		case ok && problem.RetryAfter > 0:
			pause = problem.RetryAfter
		case err != nil:
			return last, err
		case answer.JSON200.State != CatalogChangeStatePending:
			return answer.JSON200, answer.JSON200.Refusal()
		default:
			last = answer.JSON200
			pause = cmp.Or(answer.RetryAfter(), lookAgain)
		}
		select {
		case <-ctx.Done():
			return last, fmt.Errorf("catalog change %s is not finished: %w", id, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// CatalogChangeID returns the id in the address of a change, such as Headers202.Location.
func CatalogChangeID(location string) (types.UUID, error) {
	var id types.UUID
	if err := id.UnmarshalText([]byte(path.Base(location))); err != nil {
		return id, fmt.Errorf("%q is not the address of a change of the catalog: %w", location, err)
	}
	return id, nil
}

// RetryAfter returns how long to wait before the next look at a change that is pending, or 0 if the service does not say it.
func (r GetCatalogChangeResponse) RetryAfter() time.Duration {
	if r.Headers200 == nil || r.Headers200.RetryAfter == nil {
		return 0
	}
	return time.Duration(*r.Headers200.RetryAfter) * time.Second
}

// Refusal returns why the change was refused, as an *apiclient.Problem, or nil if it was not refused.
func (c *CatalogChange) Refusal() error {
	if c.State != CatalogChangeStateRefused {
		return nil
	}
	problem := &apiclient.Problem{Type: "about:blank", Title: "Refused"}
	if p := c.Problem; p != nil {
		problem.Type, problem.Title, problem.Status = p.Type, p.Title, int(p.Status)
		problem.Detail, problem.Instance, problem.RequestID = orEmpty(p.Detail), orEmpty(p.Instance), orEmpty(p.RequestID)
		for _, fault := range p.Errors {
			problem.Errors = append(problem.Errors, apiclient.Fault{Pointer: fault.Pointer, Detail: fault.Detail})
		}
	}
	return problem
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
