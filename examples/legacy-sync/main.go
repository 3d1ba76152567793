// Command legacy-sync is an old integration. It writes a list of availabilities to the catalog. It knows only the monolith's
// legacy API with its integer ids. Another service owns the catalog now, so an outcome may come later: the answer is then 202.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
