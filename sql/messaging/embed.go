// Package messagingsql has the migrations of the messaging schema: the tables of the outbox, of the consumer and of the
// idempotency keys. Their names are constants of the schema. The queries and functions of the packages below
// internal/messaging use them, so they cannot be configured.
package messagingsql

import "embed"

// Migrations is the folder "migrations", in the format of goose.
//
//go:embed migrations/*.sql
var Migrations embed.FS
