#!/bin/bash
# Prepares the configuration as the official image does, then runs the command.
set -euo pipefail

say() {
  if [[ -z ${NGINX_ENTRYPOINT_QUIET_LOGS-} ]]; then
    echo "$0: $*"
  fi
}

if [[ ${1-} == nginx ]]; then
  while read -r script; do
    if [[ ! -x $script ]]; then
      say "$script is ignored, because it is not executable"
    elif [[ $script == *.envsh ]]; then
      say "sourcing $script"
      . "$script"
    elif [[ $script == *.sh ]]; then
      say "running $script"
      "$script"
    fi
  done < <(find /docker-entrypoint.d/ -follow -type f | sort -V)
  say 'the configuration is complete'
fi
exec "$@"
