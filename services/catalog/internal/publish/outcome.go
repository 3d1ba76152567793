package publish

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
)

// Outcome encodes the outcome of a request to change a catalog entry.
func Outcome(o request.Outcome) (event.Message, error) {
	product, err := uuid.Parse(o.Key)
	if err != nil {
		return event.Message{}, fmt.Errorf("the outcome of request %s: the key %q is not a UUID", o.Request, o.Key)
	}
	data, err := toOutcomeData(o)
	if err != nil {
		return event.Message{}, fmt.Errorf("the outcome of request %s: %w", o.Request, err)
	}
	m := event.Message{
		ID: o.ID, Topic: messages.TopicCatalogEntryOutcome, Key: o.Key, Version: o.Number, Type: messages.TypeCatalogEntryChangeDecided,
	}
	return encoded(m, messages.NewCatalogEntryChangeDecidedEvent(o.ID, product, o.Time, o.Number, data))
}

func toOutcomeData(o request.Outcome) (messages.CatalogEntryChangeOutcome, error) {
	data := messages.CatalogEntryChangeOutcome{Request: o.Request, Outcome: string(o.Kind)}
	if o.Subject != "" {
		id, err := uuid.Parse(o.Subject)
		if err != nil {
			return data, fmt.Errorf("the subject %q is not a UUID", o.Subject)
		}
		data.Entry = &id
	}
	switch o.Kind {
	case request.Accepted, request.Unchanged:
		data.Version = &o.Version
	case request.Refused:
		problem, err := toProblem(o.Refusal)
		if err != nil {
			return data, err
		}
		data.Problem = &problem
	case request.Expired, request.Unreadable:
	default:
		return data, fmt.Errorf("the kind %q is unknown", o.Kind)
	}
	return data, nil
}

// toProblem returns the problem with which this service's API would answer.
func toProblem(refusal error) (messages.Problem, error) {
	p, ok := httpserver.ProblemOf(refusal)
	if !ok || p.Status < 400 || p.Status > 499 {
		return messages.Problem{}, fmt.Errorf("no answer for the caller: %w", refusal)
	}
	problem := messages.Problem{Type: p.Type, Title: p.Title, Status: int32(p.Status)}
	if p.Detail != "" {
		problem.Detail = &p.Detail
	}
	for _, f := range p.Errors {
		problem.Errors = append(problem.Errors, messages.ProblemField{Pointer: f.Pointer, Detail: f.Detail})
	}
	return problem, nil
}
