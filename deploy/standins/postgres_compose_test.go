//go:build compose

package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// address is the server's address outside the container. On localhost, the server asks for no password.
const address = `$(hostname -i | cut -d' ' -f1)`

func TestPostgres(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"root": nil,
		"a user, read-only": {"--user", "postgres", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
			"--tmpfs", "/tmp", "--tmpfs", "/var/run/postgresql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripts, secrets := t.TempDir(), t.TempDir()
			write(t, filepath.Join(scripts, "10-role.sh"), `#!/bin/bash
				set -eu
				if pg_isready -h localhost; then echo "a client could connect"; exit 1; fi
				psql -v ON_ERROR_STOP=1 -v password="$CLERK_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
					<<< "CREATE ROLE clerk LOGIN PASSWORD :'password'"
			`, 0o755)
			write(t, filepath.Join(scripts, "20-sourced.sh"), `export FROM_SOURCED=yes`, 0o644)
			write(t, filepath.Join(scripts, "30-table.sql"), `CREATE TABLE stock (n int); INSERT INTO stock VALUES (7);`, 0o644)
			write(t, filepath.Join(secrets, "owner"), "owner-password\n", 0o644)
			flags = append(slices.Clone(flags), "--volume", volume(t)+":/var/lib/postgresql/data",
				"--volume", scripts+":/docker-entrypoint-initdb.d:ro", "--volume", secrets+":/run/secrets:ro",
				"--env", "POSTGRES_USER=owner", "--env", "POSTGRES_DB=shop", "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/owner",
				"--env", "POSTGRES_INITDB_ARGS=--data-checksums", "--env", "CLERK_PASSWORD=clerk-password")

			c := start(t, postgresImage, flags...)
			c.eventually(`pg_isready -h ` + address)
			clerk := func(c container) string {
				return c.sh(`PGPASSWORD=clerk-password psql -h ` + address + ` -U clerk -d shop -At -c 'SELECT current_user'`)
			}
			want(t, "the role of the script", clerk(c), "clerk")
			const stock = `psql -U owner -d shop -At -c 'SELECT n FROM stock'`
			want(t, "the table of the SQL file", c.sh(stock), "7")
			want(t, "initdb's arguments", c.sh(`psql -U owner -d shop -At -c 'SHOW data_checksums'`), "on")
			want(t, "the version", c.sh(`postgres --version`), "17.")
			want(t, "the mode of the data", c.sh(`stat -c '%a %u %g' "$PGDATA"`), "700 999 999")
			want(t, "the server's user", c.sh(`stat -c %u /proc/1`), "999")
			for _, password := range []string{"wrong", ""} {
				if out, err := c.exec("bash", "-c", `PGPASSWORD=`+password+` psql -w -h `+address+` -U clerk -d shop -c 'SELECT 1'`); err == nil {
					t.Errorf("with the password %q: %s; want a refusal", password, out)
				}
			}
			c.stop()

			again := start(t, postgresImage, flags...)
			again.eventually(`pg_isready -h ` + address)
			want(t, "the role after a new start", clerk(again), "clerk")
			want(t, "the log", again.logs(), "Skipping initialization")
			again.stop()
		})
	}
}

func TestPostgresNeedsAPassword(t *testing.T) {
	t.Parallel()
	want(t, "the log", start(t, postgresImage).fails(), "POSTGRES_PASSWORD")
}

func TestPostgresFailsWithItsScripts(t *testing.T) {
	t.Parallel()
	scripts := t.TempDir()
	write(t, filepath.Join(scripts, "10-broken.sql"), `SELECT broken;`, 0o644)
	c := start(t, postgresImage, "--env", "POSTGRES_PASSWORD=secret", "--volume", scripts+":/docker-entrypoint-initdb.d:ro")
	want(t, "the log", c.fails(), "broken")
}
