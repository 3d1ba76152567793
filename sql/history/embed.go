// Package historysql has the migrations of the table with the history of a service's objects. Every service has it.
package historysql

import "embed"

// Migrations is the folder "migrations", in the format of goose.
//
//go:embed migrations/*.sql
var Migrations embed.FS
