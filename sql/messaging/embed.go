// Package messagingsql holds the messaging schema's migrations.
package messagingsql

import "embed"

// Migrations is the folder "migrations", in goose's format.
//
//go:embed migrations/*.sql
var Migrations embed.FS
