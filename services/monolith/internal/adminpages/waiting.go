package adminpages

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

const (
	mostWaiting = 25  // how many creations the list of entries shows
	mostSought  = 500 // among how many of each kind it looks for those that match
)

// waiting returns the entries that this service has asked the catalog to create, and that are not in its copies: the creations that
// are pending, and those that the catalog has refused in the last 24 hours and that nobody has mended.
func (p entryPages) waiting(ctx context.Context, q adminui.Query) (adminui.Waiting, error) {
	requests, err := p.Changes.Creations(ctx, p.Now().Add(-refusedFor), mostSought)
	if err == nil {
		requests, err = p.Changes.Unsettled(ctx, requests)
	}
	if err != nil {
		return adminui.Waiting{}, err
	}
	w := adminui.Waiting{
		Title: "Waiting for the catalog service",
		About: "These entries were asked for here, and do not exist yet. The catalog service decides about them. Those that it has refused stay here for 24 hours, or until the entry is created.",
		Heads: []string{"Entry", "State", "Asked for", "Problem"},
	}
	query := entryQuery(q)
	requests = slices.DeleteFunc(requests, func(r catalogchange.Request) bool {
		return query.Product != 0 && r.Wanted.Product != query.Product || query.Market != 0 && r.Wanted.Market != query.Market
	})
	if q.Search == "" { // otherwise each of them may have the text
		requests = requests[:min(len(requests), mostWaiting+1)]
	}
	titles, err := p.titles(ctx, wanted(requests))
	if err != nil {
		return adminui.Waiting{}, err
	}
	for i, r := range requests {
		if !strings.Contains(strings.ToLower(titles[i]), strings.ToLower(q.Search)) {
			continue
		}
		if len(w.Rows) == mostWaiting {
			w.More = &adminui.Link{Path: pathRequests, Text: "All requests"}
			break
		}
		w.Rows = append(w.Rows, adminui.WaitingRow{
			ID:    strconv.FormatInt(r.Wanted.ID, 10),
			Cells: []adminui.Cell{adminui.TextCell(titles[i]), stageOf(r), adminui.TimeCell(r.CreatedAt), adminui.TextCell(problemOf(r))},
			Link:  adminui.Link{Path: pathRequests + "/" + r.ID.String(), Text: fmt.Sprintf("Request for entry %d", r.Wanted.ID)},
		})
	}
	return w, nil
}
