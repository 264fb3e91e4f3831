#!/usr/bin/env bash
#
# Publishes to a pipe with CometQL, through the command line client of MariaDB or MySQL:
#
#   examples/bash/publish.sh web_news '{"title":"Comet sighted"}'
#   examples/bash/publish.sh web_news "it's text" headline         # with an event name
#   COMET_HOST=10.0.0.5 COMET_PORT=3307 COMET_TENANT=15 COMET_PASSWORD=… examples/bash/publish.sh web_news 1
#
# Prints nothing. When the node refused, it prints why and ends with 1. MYSQL_FLAGS may hold further flags of the client,
# such as --skip-ssl, which MariaDB's needs from 11.4 on where the node has no TLS.
set -euo pipefail

if [[ $# -lt 2 || $# -gt 3 ]]; then
  echo "Usage: $0 PIPE MESSAGE [EVENT]" >&2
  exit 64
fi

# A text as it stands between apostrophes in a query.
escaped() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g"; }

if ! client="$(command -v mariadb || command -v mysql)"; then
  echo 'Neither mariadb nor mysql is installed' >&2
  exit 69
fi
read -r -a flags <<<"${MYSQL_FLAGS:-}"

echo "INSERT INTO pipes_messages (name, event, message)
      VALUES ('$(escaped "$1")', '$(escaped "${3:-}")', '$(escaped "$2")');" |
  MYSQL_PWD="${COMET_PASSWORD:-}" "$client" "${flags[@]}" --protocol tcp --default-character-set utf8mb4 \
    --host "${COMET_HOST:-127.0.0.1}" --port "${COMET_PORT:-3307}" --user "${COMET_TENANT:-1}" --database CometQL_v1
