#!/usr/bin/env bash
#
# Runs the tests of the folders named, such as `unit e2e`, with Node's own runner: `scripts/run-tests.sh KIND…`.
#
# Owns how tests are run: two files at a time, a deadline per test, a report to read and, at the end, the names of the tests
# that were skipped, because a test nobody ran proves nothing. A folder that is not there counts as no tests; no tests
# at all is a failure. Ends with the runner's exit code.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly TEST_TIMEOUT_MS=120000

if [[ $# -eq 0 ]]; then
  echo 'Usage: scripts/run-tests.sh KIND… (unit protocol e2e browser fault fuzz)' >&2
  exit 64
fi

files=()
for kind in "$@"; do
  [[ -d "test/$kind" ]] || continue
  while IFS= read -r file; do files+=("$file"); done < <(find "test/$kind" -name '*.test.ts' | sort)
done
if [[ ${#files[@]} -eq 0 ]]; then
  echo "No test files under test/ for: $*" >&2
  exit 1
fi

tap="$(mktemp)"
trap 'rm -f "$tap"' EXIT

code=0
node --import tsx --test --test-concurrency=2 --test-timeout="$TEST_TIMEOUT_MS" \
  --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=tap --test-reporter-destination="$tap" \
  "${files[@]}" || code=$?

skipped="$(sed -nE 's/^ *ok [0-9]+ - (.*) # SKIP ?(.*)$/  \1 (\2)/p' "$tap" | sort -u)"
if [[ -n "$skipped" ]]; then
  printf '\nSkipped:\n%s\n' "$skipped"
fi
exit "$code"
