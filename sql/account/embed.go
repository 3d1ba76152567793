// Package accountsql has the migrations of the tables of people who use the admin pages of a service. Every service has them.
package accountsql

import "embed"

// Migrations is the folder "migrations", in the format of goose.
//
//go:embed migrations/*.sql
var Migrations embed.FS
