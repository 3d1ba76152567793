package store

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// changeBody is what is kept with a request. The message has the rest, and only the owner needs it.
type changeBody struct {
	Operation catalogchange.Operation `json:"operation"`
	Entry     uuid.UUID               `json:"entry"`
	Product   uuid.UUID               `json:"product"`
	Wanted    wantedEntry             `json:"wanted"`
}

// wantedEntry is the entry as it was asked for, with the monolith's own ids.
type wantedEntry struct {
	ID      int64      `json:"id"`
	Product int64      `json:"product"`
	Market  int64      `json:"market"`
	Start   *time.Time `json:"start,omitempty"`
	End     *time.Time `json:"end,omitempty"`
}

// changeResult is what is kept of an outcome, besides its kind.
type changeResult struct {
	Version int64          `json:"version,omitempty"`
	Problem *changeProblem `json:"problem,omitempty"`
}

type changeProblem struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Detail string        `json:"detail,omitempty"`
	Faults []changeFault `json:"errors,omitempty"`
}

type changeFault struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func fromRequest(r catalogchange.Request) changeBody {
	return changeBody{Operation: r.Operation, Entry: r.Entry, Product: r.Product, Wanted: wantedEntry{
		ID: r.Wanted.ID, Product: r.Wanted.Product, Market: r.Wanted.Market, Start: r.Wanted.Start, End: r.Wanted.End,
	}}
}

// toRequest returns the request without what only its message has.
func toRequest(s request.Sent, err error) (catalogchange.Request, error) {
	if err != nil {
		return catalogchange.Request{}, err
	}
	var body changeBody
	if err := strictjson.Unmarshal(s.Body, &body); err != nil {
		return catalogchange.Request{}, fmt.Errorf("decode request %s: %w", s.ID, err)
	}
	outcome, err := toOutcome(s)
	w := body.Wanted
	return catalogchange.Request{
		ID: s.ID, Operation: body.Operation, Entry: body.Entry, Product: body.Product, Number: s.Number,
		Wanted: catalogcopy.Entry{
			ID: w.ID, Product: w.Product, Market: w.Market, Start: w.Start, End: w.End, UpdatedAt: s.CreatedAt,
		},
		AskedBy: s.Caller, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt,
		Unreadable: s.UnreadableAt != nil && outcome == nil, Outcome: outcome,
	}, err
}

func fromDecision(d catalogchange.Decision) changeResult {
	r := changeResult{Version: d.Version}
	if p := d.Problem; p != nil {
		r.Problem = &changeProblem{Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail}
		for _, f := range p.Faults {
			r.Problem.Faults = append(r.Problem.Faults, changeFault(f))
		}
	}
	return r
}

// toOutcome returns nil for a pending request.
func toOutcome(s request.Sent) (*catalogchange.Outcome, error) {
	if s.FinishedAt == nil {
		return nil, nil
	}
	var result changeResult
	if err := strictjson.Unmarshal(s.Result, &result); err != nil {
		return nil, fmt.Errorf("decode the outcome of request %s: %w", s.ID, err)
	}
	o := &catalogchange.Outcome{Kind: catalogchange.Kind(s.Outcome), Version: result.Version, Time: *s.FinishedAt}
	if p := result.Problem; p != nil {
		o.Problem = &catalogchange.Problem{Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail}
		for _, f := range p.Faults {
			o.Problem.Faults = append(o.Problem.Faults, catalogchange.Fault(f))
		}
	}
	return o, nil
}
