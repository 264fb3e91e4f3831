#!/usr/bin/env bash
#
# Publishes to an Encke node over HTTP, with curl:
#
#   examples/publish.sh news '{"title":"Comet sighted"}'
#   examples/publish.sh news '"to everyone"' headline         # with an event name
#   ENCKE_URL=http://127.0.0.1:8081 ENCKE_KEY=… examples/publish.sh @17 '"to user 17"'
#
# Prints the node's answer, such as {"epoch":"c9275890","offset":1}. Ends with 22 when the node refused (curl's code for
# an HTTP error) and prints the reason. Names must not need escaping in JSON: this is a shell script.
set -euo pipefail

if [[ $# -lt 2 || $# -gt 3 ]]; then
  echo "Usage: $0 CHANNEL JSON [EVENT]" >&2
  exit 64
fi
channel="$1" data="$2" event="${3:-}"

headers=(--header 'Content-Type: application/json')
if [[ -n "${ENCKE_KEY:-}" ]]; then
  headers+=(--header "Authorization: Bearer $ENCKE_KEY")
fi

# A channel that begins with @ belongs to a user; the API takes it as a channel too.
curl --silent --show-error --fail-with-body "${headers[@]}" \
  --data-binary "{\"channel\":\"$channel\",\"data\":$data${event:+,\"event\":\"$event\"}}" \
  "${ENCKE_URL:-http://127.0.0.1:8081}/api/publish"
echo
