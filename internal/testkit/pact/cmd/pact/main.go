package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := obtain(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pact:", err)
		os.Exit(1)
	}
}
