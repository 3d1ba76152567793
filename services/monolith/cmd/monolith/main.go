// Command monolith is the old system, which owns the products.
package main

import (
	"fmt"
	"os"

	"github.com/monsplit/monsplit/services/monolith"
)

func main() {
	if err := monolith.Command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "monolith:", err)
		os.Exit(1)
	}
}
