// Package accesssql has the migrations of the tables that say who may use the API of a service. Every service has them.
package accesssql

import "embed"

// Migrations is the folder "migrations", in the format of goose.
//
//go:embed migrations/*.sql
var Migrations embed.FS
