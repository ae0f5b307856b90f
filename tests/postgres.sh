# What tests/run and tests/crash share: what they need from the system, and a private Postgres. Sourced by both.

say() { printf '\n== %s\n' "$*" >&2; }
fail() { printf "%s: %s\n" "$0" "$*" >&2; exit 1; }

# ---- what the suite needs from the system

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

postgres_bin() { # the newest version that is installed
  local newest
  newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  if [ -n "$newest" ] && [ -x "$newest/initdb" ]; then echo "$newest"; else dirname "$(command -v initdb)" 2>/dev/null; fi
}

# Installs what is not there: pairs of a command and the package that has it.
needs() {
  local missing=()
  [ -n "${BILLFOLD_TEST_POSTGRES:-}" ] || postgres_bin >/dev/null || missing+=(postgresql)
  while [ $# -gt 0 ]; do
    command -v "$1" >/dev/null || missing+=("$2")
    shift 2
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  command -v apt-get >/dev/null || fail "needs ${missing[*]}: install them with this system's packages and run again"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q >&2 || true # an old index may still do
  as_root apt-get install -yq --no-install-recommends "${missing[@]}" >&2 || fail "could not install ${missing[*]}"
}

# ---- a private Postgres, in memory where there is room: it keeps fsync on, as billfold demands

as_postgres() { # Postgres refuses to run as root
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid="$runner" --regid="$(id -g "$runner")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

stop_postgres() {
  if [ -f "$home/data/postmaster.pid" ]; then
    as_postgres "$bin/pg_ctl" -D "$home/data" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  rm -rf "$home"
}

# For tests/crash: stops and starts the server, gives it a folder, tells its process.
write_control() { # port
  local as=()
  if [ "$(id -u)" = 0 ]; then as=(setpriv --reuid="$runner" --regid="$(id -g "$runner")" --clear-groups --); fi
  cat >"$home/control" <<END
#!/usr/bin/env bash
set -euo pipefail
cd "$home"
case "\$1" in
  stop) ${as[*]} "$bin/pg_ctl" -D "$home/data" -m immediate -w stop ;;
  start) ${as[*]} "$bin/pg_ctl" -D "$home/data" -w -t 60 -l "$home/server.log" -o "$(server_options "$1")" start >/dev/null ;;
  own) chown "$runner" "\$2" ;;
  pid) head -n 1 "$home/data/postmaster.pid" ;;
esac
END
  chmod 755 "$home/control"
  export BILLFOLD_TEST_POSTGRES_CONTROL="$home/control"
}

server_options() { # port
  echo "-h 127.0.0.1 -p $1 -k $home -c max_connections=300 -c shared_buffers=256MB -c max_wal_size=2GB -c autovacuum=off"
}

free_port() {
  local port
  for port in $(shuf -i 20000-32000 -n 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail "no free port"
}

start_postgres() {
  local base=/tmp room port
  room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 || echo 0)
  if [ "$room" -gt 2000000 ] && [ -w /dev/shm ]; then base=/dev/shm; fi
  home=$(mktemp -d "$base/billfold-tests.XXXXXX")
  bin=$(postgres_bin)
  runner=postgres
  id postgres >/dev/null 2>&1 || runner=nobody
  trap stop_postgres EXIT
  trap 'exit 130' INT TERM
  if [ "$(id -u)" = 0 ]; then chown "$runner" "$home"; fi
  say "starting $("$bin/postgres" --version)"
  (cd "$home" && as_postgres "$bin/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C >initdb.log 2>&1) ||
    { cat "$home/initdb.log" >&2; fail "initdb failed"; }
  for _ in 1 2 3; do # another process may take the port in between
    port=$(free_port)
    if (cd "$home" && as_postgres "$bin/pg_ctl" -D "$home/data" -w -t 60 -l "$home/server.log" \
        -o "$(server_options "$port")" start >&2); then
      write_control "$port"
      export BILLFOLD_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
      return
    fi
  done
  cat "$home/server.log" >&2
  fail "Postgres did not start"
}

# billfold's own settings must not leak into the tests
forget_settings() {
  local name
  while IFS= read -r name; do unset "$name"; done < <(compgen -e | grep -E '^(DATABASE_URL|BILLFOLD_)' | grep -v '^BILLFOLD_TEST_')
}
