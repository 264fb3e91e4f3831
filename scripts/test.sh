#!/usr/bin/env bash
#
# `npm test`: everything a change has to pass, from a fresh checkout with `npm ci` done.
#
# Owns the order: system packages, build, the static checks, then all tests with one summary at the end. Stops when a
# step before the tests fails; nothing in the tests makes sense then. Nodes in the tests are those of the build, as
# people run them; `scripts/run-tests.sh` alone starts them from source.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/system-packages.sh
npm run --silent build
bash scripts/check.sh --static
printf '\n\033[1m== tests\033[0m\n'
ENCKE_TEST_DIST=1 exec bash scripts/run-tests.sh unit protocol e2e browser fault fuzz
