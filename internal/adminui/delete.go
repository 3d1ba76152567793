package adminui

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/monsplit/monsplit/internal/apperr"
)

// deletePage is the data of the page that asks whether to delete a thing.
type deletePage struct {
	*Resource
	Item    Item
	Follows []string
	Fault   string
	List    string // as in formPage
	Back    string // the page of the thing
}

func (s *site) askToDelete(r *Resource) func(visit) error {
	return func(v visit) error {
		return s.showDelete(v, r, r.readList(v.r.URL.Query().Get(paramList)), http.StatusOK, "")
	}
}

func (s *site) showDelete(v visit, r *Resource, list url.Values, status int, fault string) error {
	ctx, id := v.r.Context(), v.r.PathValue("id")
	item, err := r.Get(ctx, id)
	if err != nil {
		return err
	}
	p := deletePage{Resource: r, Item: item, Fault: fault, List: list.Encode(), Back: withList(s.pathOf(r)+"/"+url.PathEscape(id), list)}
	if r.Follows != nil {
		if p.Follows, err = r.Follows(ctx, id); err != nil {
			return err
		}
	}
	s.render(v.w, v.r, &v.user, status, "delete", p)
	return nil
}

func (s *site) deleteItem(r *Resource) func(visit) error {
	return func(v visit) error {
		version, _ := strconv.ParseInt(v.r.PostForm.Get(inputVersion), 10, 64) // 0 is no version
		list := r.readList(v.r.PostForm.Get(paramList))
		saved, err := r.Delete(v.r.Context(), v.r.PathValue("id"), version)
		if apperr.KindOf(err) == apperr.Stale {
			return s.showDelete(v, r, list, http.StatusConflict, "The "+r.One+" was changed in the meantime. Look at it again before you delete it.")
		}
		if status, again := s.refused(v, err); again {
			e, _ := apperr.As(err)
			return s.showDelete(v, r, list, status, e.Detail)
		}
		if err != nil {
			return err
		}
		return s.saved(v, r, input{list: list, deletes: true}, saved, "deleted")
	}
}
