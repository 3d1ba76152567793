package admission

import (
	"context"
	"runtime"
)

// mostLarge is how many requests may wait for the check of their large bodies. They keep these bodies meanwhile.
const mostLarge = 64

// largeAtOnce is how many large bodies are checked at the same time: at most half of the CPUs, so that the requests with small
// bodies, or none, never have to wait for the check of a large one.
func largeAtOnce() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// Large waits until a request may use the CPU time that the check of a large body needs. done gives the place back. The request
// is refused if too many others wait, or if its context ends.
func (g *Gate) Large(ctx context.Context, class Class) (done func(), _ error) {
	select {
	case g.largeQueue <- struct{}{}:
	default:
		g.refuse(class, "in_flight")
		return nil, Overloaded("The service already checks as many large bodies as it takes. Try again in a moment.")
	}
	defer func() { <-g.largeQueue }()
	select {
	case g.large <- struct{}{}:
		return func() { <-g.large }, nil
	case <-ctx.Done():
		g.refuse(class, "in_flight")
		return nil, Overloaded("The service checked other large bodies for too long. Try again in a moment.").Because(context.Cause(ctx))
	}
}
