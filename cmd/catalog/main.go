// Command catalog is the service that was split from the monolith. It owns the catalog entries and the markets.
package main

import (
	"os"

	"github.com/monsplit/monsplit/internal/cli"
	"github.com/monsplit/monsplit/services/catalog"
)

func main() {
	os.Exit(cli.Main(catalog.App()))
}
