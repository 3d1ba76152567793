// Package copyrow decides which changes the copy of another service's row takes: only those with a newer version.
package copyrow

import "time"

// Change is what every event says about the row that it changes.
type Change struct {
	Version int64
	Time    time.Time // of the event
	Deleted bool
	Purged  bool // an operator removed the key: the row's data is to be removed, and the event has no version
}

// Row is the state of a copy that decides whether a change is newer.
type Row struct {
	Version int64 // the newest applied version; 0 for a stub: something refers to the row, and no event of it has come
	Deleted bool
}

// Take moves the row to the version of the change, and reports whether the change is to be applied. A version that the
// row has already, or an older one, is not: events come repeatedly, and after a rebuild or a replay they come late. A
// purge keeps the version, so that late events stay late. A purge of a row of which nothing is known changes nothing.
func (r *Row) Take(c Change) bool {
	switch {
	case c.Purged:
		if r.Version == 0 {
			return false
		}
		r.Deleted = true
		return true
	case c.Version <= r.Version:
		return false
	default:
		r.Version, r.Deleted = c.Version, c.Deleted
		return true
	}
}
