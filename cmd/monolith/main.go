// Command monolith is the old system, which owns the products.
package main

import (
	"os"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/services/monolith"
)

func main() {
	os.Exit(cli.Main(monolith.App()))
}
