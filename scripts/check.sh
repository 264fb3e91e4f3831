#!/usr/bin/env bash
#
# `npm run check`: what must be true before a commit, in under a minute.
#
# Owns the order: the cheapest checks first, so that a slip shows at once. Stops at the first failure and names it.
# `--static` leaves the tests out; scripts/test.sh runs it so and then runs all tests itself. Changes no file.
set -euo pipefail
cd "$(dirname "$0")/.."

heading() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

# step NAME COMMAND…
step() {
  local name="$1"
  shift
  heading "$name"
  if ! "$@"; then
    printf '\n\033[1mCheck failed: %s\033[0m\n' "$name" >&2
    exit 1
  fi
}

step 'format and lint' npx biome check --error-on-warnings
step 'types' npx tsc -p .
step 'imports' node --import tsx scripts/check-imports.ts
step 'sizes' node --import tsx scripts/check-size.ts
for generator in scripts/generate-*.ts; do
  step "generated docs: $(basename "$generator" .ts)" node --import tsx "$generator" --check
done
if [[ "${1:-}" != --static ]]; then
  step 'unit and protocol tests' bash scripts/run-tests.sh unit protocol
fi
printf '\nAll checks passed in %s s\n' "$SECONDS"
