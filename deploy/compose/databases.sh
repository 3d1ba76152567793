#!/bin/sh
# Runs once, when PostgreSQL's data folder is new. Each service gets a role and a database of its own, and no role can
# connect to any other database.
set -eu

admin() {
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres "$@"
}

service_database() { # NAME PASSWORD
  admin --set name="$1" --set password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

service_database monolith "$MONOLITH_DB_PASSWORD"
service_database catalog "$CATALOG_DB_PASSWORD"
admin --command 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC'
