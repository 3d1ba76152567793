#!/bin/bash
# Starts PostgreSQL under the contract of the official image: the same variables, folders and init scripts.
set -euo pipefail

fail() {
  printf 'Error: %s\n' "$@" >&2
  exit 1
}

# setting VAR [DEFAULT] exports VAR. If VAR is not set, its value is the content of the file in VAR_FILE, or else DEFAULT.
setting() {
  local name=$1 file="$1_FILE"
  if [[ -n ${!name-} && -n ${!file-} ]]; then
    fail "$name and $file are both set: set one of them"
  elif [[ -z ${!name-} && -n ${!file-} ]]; then
    export "$name=$(< "${!file}")"
  else
    export "$name=${!name:-${2-}}"
  fi
  unset "$file"
}

only_informs() {
  local arg
  for arg; do
    case $arg in -\? | --help | --version | -V | --describe-config) return 0 ;; esac
  done
  return 1
}

make_folders() {
  mkdir -p "$PGDATA" /var/run/postgresql || true
  chmod 0700 "$PGDATA" || true
  chmod 3775 /var/run/postgresql || true
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
  fi
}

# sql ARGS... runs psql as the owner, on POSTGRES_DB. Init scripts that are sourced use it too.
sql() {
  PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

init_files() {
  local file
  for file; do
    echo "$0: $file"
    case $file in
      *.sh)
        if [[ -x $file ]]; then
          "$file"
        else
          . "$file"
        fi
        ;;
      *.sql) sql --file "$file" ;;
      *.sql.gz) gunzip -c "$file" | sql ;;
      *.sql.xz) xzcat "$file" | sql ;;
      *.sql.zst) zstd -dc "$file" | sql ;;
      *) echo "$0: ignored, because its name says neither .sh nor .sql" ;;
    esac
  done
}

# initialize ARGS... fills the empty data folder. ARGS are the arguments of the server.
initialize() {
  if [[ -z $POSTGRES_PASSWORD && ${POSTGRES_HOST_AUTH_METHOD-} != trust ]]; then
    fail 'the database is uninitialized and POSTGRES_PASSWORD is empty.' \
      'Set POSTGRES_PASSWORD to the password of the superuser, for example "-e POSTGRES_PASSWORD=password".'
  fi
  local -a extra=()
  eval "extra=($POSTGRES_INITDB_ARGS)" # it may contain quotes, as in a shell
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${extra[@]}"
  # By default, these binaries keep their socket in /tmp. psql and the official image use this folder.
  echo "unix_socket_directories = '/var/run/postgresql'" >> "$PGDATA/postgresql.conf"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"

  # No client may use the server before the scripts have run. Until then it listens only on its socket.
  export PGPASSWORD=$POSTGRES_PASSWORD
  PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -w -o "$(printf '%q ' "$@" -c listen_addresses=)" start
  if [[ $POSTGRES_DB != postgres ]]; then
    POSTGRES_DB=postgres sql --set name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
  fi
  shopt -s nullglob
  init_files /docker-entrypoint-initdb.d/*
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

if [[ ${1-} == -* ]]; then
  set -- postgres "$@"
fi
if [[ ${1-} != postgres ]] || only_informs "$@"; then
  exec "$@"
fi
make_folders
if [[ $(id -u) == 0 ]]; then
  export HOME=/var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
fi
setting POSTGRES_PASSWORD
setting POSTGRES_USER postgres
setting POSTGRES_DB "$POSTGRES_USER"
setting POSTGRES_INITDB_ARGS
if [[ -s $PGDATA/PG_VERSION ]]; then
  printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
else
  initialize "${@:2}"
fi
exec "$@"
