// Package copyrow decides which changes a copy of another service's row accepts: only changes with a newer version.
package copyrow

import "time"

// Change is what every event says about the row that it changes.
type Change struct {
	Version int64
	Time    time.Time // the time of the event
	Deleted bool
	Purged  bool // an operator removed the key: the row loses its data, and the event has no version
}

// Row is the state of a copy that decides whether a change is newer.
type Row struct {
	Version int64 // the newest applied version; 0 for a stub: another row refers to it, but no event of it has arrived
	Deleted bool
}

// Take moves the row to the version of the change, and reports whether to apply the change. It refuses the version that the
// row already has, and older ones: events may be repeated, and after a rebuild or a replay they arrive late. A purge keeps
// the version, so that late events stay late. A purge of a stub changes nothing.
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
