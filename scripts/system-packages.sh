#!/usr/bin/env bash
#
# Installs the Debian packages that some tests need, and only those that are missing.
#
# Owns the one list of such tools; test/support/tools.ts skips a test whose tool is not there. `--check` only says what
# is missing. Where packages can not be installed (no apt-get, no right to) it says which tests will be skipped and
# ends well all the same: those tests say so again. Must not start a service or change one that runs.
set -euo pipefail

# command, or path of a file where there is none (* = any name) | package | what is skipped without it
readonly TOOLS='
chromium | chromium   | test/browser: the demo page and the browser client in a real browser
promtool | prometheus | the test that reads /metrics with the checker of Prometheus itself
mariadb-install-db | mariadb-server-core | test/e2e/import-cppcomet: an import out of a real database
my_print_defaults | mariadb-client-core | test/e2e/import-cppcomet: mariadb-install-db needs it
mariadb | mariadb-client-core | test/browser: CometQL with the command line of MariaDB
php | php-cli | test/browser: CometQL with PHP, and examples/php-chat
/usr/lib/php/*/mysqli.so | php-mysql | test/browser: CometQL with mysqli and PDO
openssl | openssl | test/browser: CometQL over TLS
/usr/lib/python3/dist-packages/pymysql/__init__.py | python3-pymysql | test/browser: CometQL with PyMySQL, and examples/python
'

missing() {
  local command package why
  while IFS='|' read -r command package why; do
    command="${command// /}" package="${package// /}" why="${why# }"
    [[ -z "$command" ]] && continue
    is_there "$command" || printf '%s\t%s\t%s\n' "$command" "$package" "$why"
  done <<<"$TOOLS"
}

is_there() {
  case "$1" in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

say_missing() {
  local command package why
  echo "$1"
  while IFS=$'\t' read -r command package why; do
    echo "  $command (package $package): $why"
  done <<<"$(missing)"
}

# Prints how to become root: nothing for root itself, sudo where it asks no questions. Fails where neither is.
as_root() {
  if [[ "$(id -u)" -eq 0 ]]; then
    echo env
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    echo sudo -n env
  else
    return 1
  fi
}

# RUNLEVEL=1 makes deb-systemd-invoke and invoke-rc.d leave the services of new packages alone.
install() {
  local root log
  read -r -a root <<<"$1"
  shift
  log="$(mktemp)"
  if "${root[@]}" apt-get update -q >"$log" 2>&1 &&
    "${root[@]}" DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -q -y --no-install-recommends "$@" >>"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

main() {
  local root packages
  if [[ -z "$(missing)" ]]; then
    echo 'System packages: all there'
    return
  fi
  if [[ "${1:-}" == --check ]]; then
    say_missing 'System packages: not installed (scripts/system-packages.sh installs them)'
    return
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    say_missing 'System packages: no apt-get here, so these tests will be skipped'
    return
  fi
  if ! root="$(as_root)"; then
    say_missing 'System packages: neither root nor sudo without a password, so these tests will be skipped'
    return
  fi
  mapfile -t packages < <(missing | cut -f2 | sort -u)
  echo "System packages: installing ${packages[*]} with apt-get"
  if ! install "$root" "${packages[@]}"; then
    say_missing 'System packages: apt-get could not install them, so these tests will be skipped'
    return
  fi
  if [[ -n "$(missing)" ]]; then
    say_missing 'System packages: installed, yet these are not where they should be'
    return
  fi
  echo 'System packages: all there now'
}

main "$@"
