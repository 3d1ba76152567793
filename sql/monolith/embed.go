// Package monolithsql holds the monolith schema's migrations.
package monolithsql

import "embed"

// Migrations is the folder "migrations", in goose's format.
//
//go:embed migrations/*.sql
var Migrations embed.FS
