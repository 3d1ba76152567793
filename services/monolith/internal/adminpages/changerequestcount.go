package adminpages

import (
	"context"
	"strings"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

// count returns how many requests each query has. A query has one stage, or all.
func (p requestPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	at, err := p.Changes.Count(ctx, most)
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(queries))
	for i, q := range queries {
		for stage, n := range at {
			if one := q.Filters[filterStage]; one == "" || one == string(stage) {
				counts[i] = min(most, counts[i]+n)
			}
		}
	}
	return counts, nil
}

// The kinds of callers as a stored request has them, and how a page names them. An earlier release stored no callers.
var callerNames = map[string]string{"session": "user", "token": "token", "address": "allowed network", "anonymous": "no sign-in"}

// askedBy returns who asked for a change, such as "user ada" or "no sign-in, from 10.0.0.7".
func askedBy(r catalogchange.Request) string {
	kind, rest, _ := strings.Cut(r.AskedBy, " ")
	name, known := callerNames[kind]
	switch {
	case !known:
		return r.AskedBy
	case rest == "":
		return name
	case kind == "anonymous":
		return name + ", from " + rest
	}
	return name + " " + rest
}
