// Command demo runs both services, PostgreSQL and a broker in one process, with sample data, until Ctrl-C.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/monsplit/monsplit/internal/lifecycle"
)

func main() {
	ctx, stop := lifecycle.OnSignal(context.Background())
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
