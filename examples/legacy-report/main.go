// Command legacy-report is an old integration: it knows the monolith's legacy catalog API alone, integer ids and all, and
// prints what is offered where. It neither knows nor notices that another service owns the catalog by now.
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
