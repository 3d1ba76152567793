package adminpages

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/adminmessages"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// requestPages shows the changes of entries that this service has asked the catalog for. They can only be read.
type requestPages struct{ entryPages }

const (
	pathRequests = "change-requests"
	filterStage  = "stage"
	sortSent     = "sent"
	// mostExported is how many requests an export has. Finished ones are kept for a limited time.
	mostExported = 10_000
)

func (p requestPages) resource() adminui.Resource {
	return adminui.Resource{
		Path: pathRequests, One: "request", Many: "requests",
		About: "Changes of entries that were asked for here, and what the catalog decided about them.",
		Columns: []adminui.Column{
			{Title: "Request"}, {Title: "Entry"}, {Title: "Sent", Sort: sortSent}, {Title: "Who asked"}, {Title: "State"}, {Title: "Problem"},
		},
		Filters: []adminui.Filter{{Name: filterStage, Title: "State", Fixed: stages()}},
		Sort:    "-" + sortSent,
		Empty:   "A request appears here when an entry is changed on these pages or through the old API. Nothing is wrong.",
		Rows:    p.rows, Count: p.count, Get: p.get,
	}
}

func stages() (choices []adminui.Choice) {
	for _, s := range catalogchange.Stages() {
		choices = append(choices, adminui.Choice{Value: string(s), Title: strings.ToUpper(string(s[:1])) + string(s[1:])})
	}
	return choices
}

func (p requestPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	after, err := adminui.After[uuid.UUID](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	query := catalogchange.Query{Stage: catalogchange.Stage(q.Filters[filterStage]), Oldest: !q.Desc, After: after, Limit: q.Limit}
	if query.Limit == 0 {
		query.Limit = mostExported
	}
	requests, err := p.Changes.List(ctx, query)
	if err != nil {
		return adminui.NoRows(err)
	}
	return adminui.MapParts(all(requests), func(part []catalogchange.Request) (rows []adminui.Row, _ error) {
		titles, err := p.titles(ctx, wanted(part))
		for i, r := range part {
			if err != nil {
				return nil, err
			}
			rows = append(rows, adminui.Row{
				ID: r.ID.String(), Position: r.ID,
				Cells: []adminui.Cell{adminui.TextCell(asks(r)), adminui.TextCell(titles[i]), adminui.TimeCell(r.CreatedAt), adminui.TextCell(askedBy(r)), stageOf(r), adminui.TextCell(problemOf(r))},
			})
		}
		return rows, nil
	})
}

// all yields what is read already.
func all[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// wanted returns the entries of requests, as they were asked for.
func wanted(requests []catalogchange.Request) []catalogcopy.Entry {
	entries := make([]catalogcopy.Entry, len(requests))
	for i, r := range requests {
		entries[i] = r.Wanted
	}
	return entries
}

// asks says what a request wants, in words.
func asks(r catalogchange.Request) string {
	verb := map[catalogchange.Operation]string{catalogchange.Create: "Create", catalogchange.Delete: "Delete"}[r.Operation]
	if verb == "" {
		verb = "Change"
	}
	return fmt.Sprintf("%s entry %d", verb, r.Wanted.ID)
}

func stageOf(r catalogchange.Request) adminui.Cell {
	switch stage := r.Stage(); {
	case r.Unreadable:
		return adminui.Cell{State: "pending: the catalog cannot read it"}
	case stage == catalogchange.StageDone:
		return adminui.Cell{Quiet: string(stage)}
	default:
		return adminui.Cell{State: string(stage)}
	}
}

// problemOf returns why the owner refused a request, with each fault.
func problemOf(r catalogchange.Request) string {
	if r.Outcome == nil || r.Outcome.Problem == nil {
		return ""
	}
	texts := []string{adminui.Sentence(cmp.Or(r.Outcome.Problem.Detail, r.Outcome.Problem.Title))}
	for _, f := range r.Outcome.Problem.Faults {
		texts = append(texts, faultText(f.Pointer, f.Detail))
	}
	return strings.Join(texts, " ")
}

// shownDay returns a day for a fact.
func shownDay(d *time.Time) adminui.Cell {
	if d == nil {
		return adminui.Cell{Quiet: "none"}
	}
	return adminui.TextCell(day(d))
}

func (p requestPages) get(ctx context.Context, id string) (adminui.Item, error) {
	key, err := adminui.ParseUUID(id, "change request")
	if err != nil {
		return adminui.Item{}, err
	}
	r, err := p.Changes.Request(ctx, key)
	if err != nil {
		return adminui.Item{}, err
	}
	title, err := p.title(ctx, r.Wanted)
	if err != nil {
		return adminui.Item{}, err
	}
	item := adminui.Item{
		ID: id, Title: asks(r) + ": " + title, Notice: noticeOf(r),
		Facts: []adminui.Fact{
			{Name: "Request", Cell: adminui.CodeCell(id)}, {Name: "State", Cell: stageOf(r)}, {Name: "Sent", Cell: adminui.TimeCell(r.CreatedAt)}, {Name: "Who asked", Cell: adminui.TextCell(askedBy(r))},
			{Name: "Expires", Cell: adminui.TimeCell(r.ExpiresAt)}, {Name: "First day", Cell: shownDay(r.Wanted.Start)}, {Name: "Last day", Cell: shownDay(r.Wanted.End)},
		},
	}
	switch _, err := p.entryPages.get(ctx, strconv.FormatInt(r.Wanted.ID, 10)); {
	case err == nil:
		item.Links = append(item.Links, adminui.Link{Path: fmt.Sprintf("%s/%d", pathEntries, r.Wanted.ID), Text: "The entry"})
	case apperr.KindOf(err) != apperr.NotFound: // it may be deleted
		return adminui.Item{}, err
	}
	related, err := p.links(ctx, r.Wanted)
	if err != nil {
		return adminui.Item{}, err
	}
	item.Links = append(append(item.Links, related...), adminui.Link{Path: "messages/outbox?key=" + r.Product.String(), Text: "Its messages in the outbox"})
	if r.Outcome != nil {
		item.Facts = append(item.Facts, adminui.Fact{Name: "Decided", Cell: adminui.TimeCell(r.Outcome.Time)})
		if r.Outcome.Problem != nil {
			item.Facts = append(item.Facts, adminui.Fact{Name: "Kind of problem", Cell: adminui.CodeCell(r.Outcome.Problem.Type)})
		}
	}
	return item, nil
}

// How many requests the overview counts at most, and how old they may be.
const (
	mostRefused = 100
	refusedFor  = 24 * time.Hour
)

// waitsLong is when a pending request needs a person. Usually the catalog decides within a second.
const waitsLong = time.Minute

// Needs returns what a person has to look at: the requests that wait long, and those that the catalog has refused lately and that
// nobody has mended.
func Needs(changes *catalogchange.Service, now func() time.Time) func(context.Context) ([]adminmessages.Need, error) {
	return func(ctx context.Context) (needs []adminmessages.Need, err error) {
		add := func(text string, stage catalogchange.Stage) {
			needs = append(needs, adminmessages.Need{Text: text, Path: pathRequests + "?" + filterStage + "=" + string(stage), Link: "Which ones, and why"})
		}
		pending, err := changes.List(ctx, catalogchange.Query{Stage: catalogchange.StagePending, Oldest: true, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(pending) > 0 && now().Sub(pending[0].CreatedAt) > waitsLong {
			add("Changes of entries wait for the catalog, the oldest for "+adminui.Duration(now().Sub(pending[0].CreatedAt))+".", catalogchange.StagePending)
		}
		refused, err := changes.List(ctx, catalogchange.Query{Stage: catalogchange.StageRefused, Limit: mostRefused})
		all := len(refused) < mostRefused
		if err == nil {
			refused, err = changes.Unsettled(ctx, refused)
		}
		n := 0
		for _, r := range refused {
			if now().Sub(r.CreatedAt) < refusedFor {
				n++
			}
		}
		switch {
		case n == 0:
		case !all:
			add(fmt.Sprintf("The catalog refused %d or more changes of entries in the last 24 hours, and nobody has mended them.", n), catalogchange.StageRefused)
		case n == 1:
			add("The catalog refused 1 change of an entry in the last 24 hours, and nobody has mended it.", catalogchange.StageRefused)
		default:
			add(fmt.Sprintf("The catalog refused %d changes of entries in the last 24 hours, and nobody has mended them.", n), catalogchange.StageRefused)
		}
		return needs, err
	}
}

// noticeOf says what a person must know about a request that is not done.
func noticeOf(r catalogchange.Request) string {
	switch {
	case r.Unreadable:
		return "The catalog cannot read this request. Open the dead letters in the admin pages of the catalog: they say why. Replay the request there after the cause is mended, or discard it."
	case r.Stage() == catalogchange.StagePending:
		return "The catalog has not decided yet. Usually that takes less than a second. If it takes longer: see below whether the message of this request was sent. " +
			"If it was, the admin pages of the catalog show under “Messages”, “Receiving” and “Dead letters”, why it was not applied."
	case r.Stage() == catalogchange.StageExpired:
		return "The request reached the catalog too late, and changed nothing. Ask for the change again on the page of the entry."
	case r.Stage() == catalogchange.StageDone:
		return ""
	}
	return "The catalog refused the request, and changed nothing: " + problemOf(r) + " Ask again with other values."
}
