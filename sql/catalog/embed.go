// Package catalogsql holds the catalog schema's migrations.
package catalogsql

import "embed"

// Migrations is the folder "migrations", in goose's format.
//
//go:embed migrations/*.sql
var Migrations embed.FS
