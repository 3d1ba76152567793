// Command catalog is the service that was split from the monolith. It owns the catalog entries and the markets.
package main

import (
	"fmt"
	"os"

	"github.com/monsplit/monsplit/services/catalog"
)

func main() {
	if err := catalog.Command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}
