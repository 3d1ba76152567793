package adminui

import (
	"context"
	"io/fs"
	"net/http"
)

// Overview is what the first page shows above its links.
type Overview struct {
	Templates fs.FS // overview.html defines the template "overview"
	// Data returns what the template gets as .Data.Overview.
	Data func(ctx context.Context) (any, error)
}

// homePage is the data of the first page.
type homePage struct {
	Overview any // nil if there is no overview
	Counts   map[string]string
}

func (s *site) home(v visit) error {
	ctx := v.r.Context()
	page := homePage{Counts: map[string]string{}}
	if s.Overview.Data != nil {
		var err error
		if page.Overview, err = s.Overview.Data(ctx); err != nil {
			return err
		}
	}
	for _, r := range s.Resources {
		counts, err := r.Count(ctx, []Query{{}}, mostCounted+1)
		if err != nil {
			return err
		}
		if len(counts) == 1 {
			page.Counts[r.Path] = counted(counts[0])
		}
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "home", page)
	return nil
}
