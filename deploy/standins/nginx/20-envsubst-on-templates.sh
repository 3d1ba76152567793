#!/bin/bash
# Renders templates into the configuration. It replaces only defined variables, so that nginx's own, such as $host, stay.
set -euo pipefail

templates=${NGINX_ENVSUBST_TEMPLATE_DIR:-/etc/nginx/templates}
suffix=${NGINX_ENVSUBST_TEMPLATE_SUFFIX:-.template}
output=${NGINX_ENVSUBST_OUTPUT_DIR:-/etc/nginx/conf.d}

if [[ ! -d $templates ]]; then
  exit 0
elif [[ ! -w $output ]]; then
  echo "${0##*/}: ERROR: $templates exists, but $output is not writable"
  exit 0
fi
names=$(compgen -e | grep -E -- "${NGINX_ENVSUBST_FILTER-}" || true)
replaced=$(sed 's/.*/${&}/' <<< "$names")
find "$templates" -follow -type f -name "*$suffix" | while read -r template; do
  name=${template#"$templates/"}
  target=$output/${name%"$suffix"}
  mkdir -p "$(dirname "$target")"
  if [[ -z ${NGINX_ENTRYPOINT_QUIET_LOGS-} ]]; then
    echo "${0##*/}: rendering $template to $target"
  fi
  envsubst "$replaced" < "$template" > "$target"
done
