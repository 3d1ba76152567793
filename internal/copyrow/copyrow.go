// Package copyrow decides which changes a copy of another service's row accepts: only changes with a newer version. It also
// notices that an event has the version of the copy, but other data.
package copyrow

import "time"

// Change is the part of an event that decides whether it is newer than a copy.
type Change struct {
	Version int64
	Time    time.Time // the time of the event
	Deleted bool
	Purged  bool   // an operator removed the key: the row loses its data, and the event has no version
	Digest  Digest // of the data
	// SameVersion is called if the row has this version already and the data can be compared; may be nil. If it is not equal,
	// the owner has given out the version twice, so its database has lost commits, or the event is not from the owner.
	SameVersion func(equal bool)
}

// Row is the state of a copy that decides whether a change is newer.
type Row struct {
	Version int64 // the newest applied version; 0 for a stub: another row refers to it, but no event of it has arrived
	Deleted bool
	Digest  Digest // of the data, at the version in which it was stored
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
		r.Deleted, r.Digest = true, ""
		return true
	case c.Version <= r.Version:
		c.compare(*r)
		return false
	default:
		r.Version, r.Deleted, r.Digest = c.Version, c.Deleted, c.Digest
		return true
	}
}

// compare calls SameVersion if the row has this version already and the data can be compared.
func (c Change) compare(r Row) {
	if c.SameVersion != nil && c.Version == r.Version && c.Digest.comparable(r.Digest) {
		c.SameVersion(c.Digest == r.Digest)
	}
}
