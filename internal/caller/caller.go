// Package caller says who sends a request or makes a change: a program with a token, a client in an allowed network, a person
// with a session, an import, a command, a message of another service, or nobody that is known. It knows neither HTTP nor the
// database, so that every layer may use it.
package caller

import "context"

// Kind is how a caller was recognized.
type Kind string

// The kinds of callers.
const (
	KindAnonymous Kind = ""        // nobody had to sign in
	KindToken     Kind = "token"   // an API token; the name is the token's name
	KindAddress   Kind = "address" // an allowed network; the name is the network in CIDR notation
	KindSession   Kind = "session" // a person who has signed in; the name is the user's name
	KindImport    Kind = "import"  // an import; the name says where its records come from
	KindCommand   Kind = "command" // a command of an operator; the name has the operator and the command
	KindEvent     Kind = "event"   // an event of another service; the name is its topic
	KindRequest   Kind = "request" // a change request of another service; the name is its topic
)

// Caller is who sends a request or makes a change. Two callers with equal values are the same caller. So a client keeps its identity when it
// replaces its token by another one with the same name.
type Caller struct {
	Kind Kind
	Name string // empty for an anonymous caller
}

// String returns the caller for the log, such as "token billing". It is never empty, and different for different callers.
func (c Caller) String() string {
	if c.Kind == KindAnonymous {
		return "anonymous"
	}
	return string(c.Kind) + " " + c.Name
}

type (
	key        struct{}
	requestKey struct{}
	addressKey struct{}
)

// With returns a context with the caller.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the caller in a context. Without one, the caller is anonymous.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}

// Request is an HTTP request as the log names it.
type Request struct {
	ID      string
	Address string // of the client
}

// WithRequest returns a context with the request.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestOf returns the request in a context. Without one, its texts are empty.
func RequestOf(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// WithAddress returns a context with the address of the client, or the network that counts as one client.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Account returns who is charged for what the service stores for the caller in a context. Callers who did not identify themselves
// would share one bound, and one of them could use it up for all. So each client address is charged for its own.
func Account(ctx context.Context) string {
	who := From(ctx)
	address, _ := ctx.Value(addressKey{}).(string)
	if who.Kind == KindToken || who.Kind == KindSession || address == "" {
		return who.String()
	}
	return who.String() + " " + address
}
