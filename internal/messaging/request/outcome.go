package request

// Kind is what became of a request.
type Kind string

// The kinds of outcomes. All are final, except for Unreadable.
const (
	Accepted   Kind = "accepted"   // the change was made
	Unchanged  Kind = "unchanged"  // everything already was as the request wants it
	Refused    Kind = "refused"    // a rule forbids the change
	Expired    Kind = "expired"    // the request came to its decision too late
	Unreadable Kind = "unreadable" // an operator of the owner looks at the request; another outcome follows
)
