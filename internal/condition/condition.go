// Package condition holds the conditions that a caller sets for a change: only at certain versions, and only once. The
// HTTP headers If-Match and Idempotency-Key ask for them.
package condition

import (
	"fmt"
	"slices"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Match holds the versions that a caller is willing to change. Nil means any version; an empty Match means none.
type Match []int64

// At is the condition that the thing is at this version.
func At(version int64) Match { return Match{version} }

// Check returns a Stale error unless version is one of them. what is the kind of thing for the error, such as "product".
func (m Match) Check(what string, version int64) error {
	if m == nil || slices.Contains(m, version) {
		return nil
	}
	return apperr.New(apperr.Stale, fmt.Sprintf("The %s is now at version %d.", what, version))
}

// Once identifies a request that must not take effect twice.
type Once struct {
	ID          [32]byte // the same for the same caller, method, path and key
	Fingerprint [32]byte // the hash of the body
}
