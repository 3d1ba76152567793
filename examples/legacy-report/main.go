// Command legacy-report is an old integration. It prints which products are offered in which market. It knows only the
// monolith's legacy API with its integer ids, and does not notice that another service owns the catalog now.
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
