package request

import "context"

// ReleaseAll does what Run does when it is kicked.
func (o *Owner[T, R]) ReleaseAll(ctx context.Context) error { return o.releaseAll(ctx) }

// DeleteOld does what Clean does at intervals.
func (o *Owner[T, R]) DeleteOld(ctx context.Context) error { return o.deleteOld(ctx) }

// What one transaction or statement does at most.
const (
	ReleasedAtOnce = releasedAtOnce
	DeletedAtOnce  = deletedAtOnce
	HeadsAtOnce    = headsAtOnce
)
