package admintest

import (
	"net/http"
	"slices"
)

// CheckVersions changes and deletes a thing at a version that it does not have yet, and fails the test if one of that is done. The
// form has other values than the thing.
//
// A page compares an older version before it changes anything. Only a later one shows that the change itself compares the version.
// Otherwise it would overwrite what another person saves between that look and the change.
func (b *Browser) CheckVersions(list, id string, form ...string) {
	b.Helper()
	const later = "1000000"
	item := list + "/" + id
	before := b.Get(item).Must(http.StatusOK).Hidden().Get("version")
	b.Post(item, append(slices.Clone(form), "version", later)...).Must(http.StatusConflict, "newer version")
	b.Post(item+"/delete", "version", later).Must(http.StatusConflict, "was changed in the meantime")
	b.Follow(b.Post(list+"/do", "action", "delete", "pick", id+"@"+later, "confirmed", "1")).Must(http.StatusOK, "was changed in the meantime")
	if after := b.Get(item).Must(http.StatusOK).Hidden().Get("version"); before == "" || after != before {
		b.Errorf("%s had the version %q, and has %q", item, before, after)
	}
}
