package consume

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

// TopicEntryOutcome has the outcomes of the requests that the monolith sends. Its messages have no aggregate.
const TopicEntryOutcome = "monsplit.catalog-entry-outcome.v1"

const typeChangeDecided = "monsplit.catalog-entry.change-decided.v1"

// outcomeData has the members of an outcome that are used here.
type outcomeData struct {
	Request uuid.UUID    `json:"request"`
	Outcome string       `json:"outcome"`
	Version int64        `json:"version"`
	Problem *problemData `json:"problem"`
}

type problemData struct {
	Type   string      `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail"`
	Errors []faultData `json:"errors"`
}

type faultData struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Outcomes applies messages of TopicEntryOutcome.
func Outcomes[T catalogchange.OutcomeTx](ctx context.Context, tx T, events []consumer.Event) error {
	decisions := make([]catalogchange.Decision, 0, len(events))
	for _, e := range events {
		if e.Purge {
			continue
		}
		if e.Type != typeChangeDecided {
			e.UnknownType()
			continue
		}
		d, err := toDecision(e)
		if err != nil {
			return err
		}
		decisions = append(decisions, d)
	}
	return catalogchange.Apply(ctx, tx, decisions)
}

// toDecision is strict: a request that was finished with half an outcome could not be answered.
func toDecision(e consumer.Event) (catalogchange.Decision, error) {
	data, err := consumer.Data[outcomeData](e)
	if err != nil {
		return catalogchange.Decision{}, err
	}
	if data.Request == uuid.Nil {
		return catalogchange.Decision{}, missing("request")
	}
	d := catalogchange.Decision{Request: data.Request, Kind: catalogchange.Kind(data.Outcome), Version: data.Version}
	switch d.Kind {
	case catalogchange.Accepted, catalogchange.Unchanged:
		if d.Version < 1 {
			return catalogchange.Decision{}, missing("version")
		}
	case catalogchange.Refused:
		if d.Problem, err = toProblem(data.Problem); err != nil {
			return catalogchange.Decision{}, err
		}
	case catalogchange.Expired, catalogchange.Unreadable:
	default:
		return catalogchange.Decision{}, consumer.Poison(fmt.Sprintf("data: outcome is %q, which is not known here", data.Outcome))
	}
	return d, nil
}

func toProblem(p *problemData) (*catalogchange.Problem, error) {
	switch {
	case p == nil:
		return nil, missing("problem")
	case p.Type == "":
		return nil, missing("problem.type")
	case p.Status < 400 || p.Status > 499:
		return nil, consumer.Poison(fmt.Sprintf("data: problem.status is %d, which is not the caller's fault", p.Status))
	}
	problem := &catalogchange.Problem{Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail}
	for _, f := range p.Errors {
		problem.Faults = append(problem.Faults, catalogchange.Fault(f))
	}
	return problem, nil
}
