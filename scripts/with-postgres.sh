#!/usr/bin/env bash
# with-postgres.sh COMMAND…: runs a command with its own PostgreSQL cluster, whose URL is in RINGBACK_TEST_POSTGRES.
# The cluster is in a temporary folder, on a free port of 127.0.0.1, and is deleted when the command ends. It keeps the
# defaults that make commits durable, because the tests check what is on disk. RINGBACK_TEST_POSTGRES_CONTROL is a program
# that stops and starts the cluster: `stop` and `start`.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -gt 0 ]] || fail "usage: with-postgres.sh COMMAND…"

programs=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | sort --version-sort | tail -n 1)
[[ -n $programs ]] || fail "PostgreSQL is not installed: apt-get install postgresql"
folder=$(mktemp -d "${TMPDIR:-/tmp}/ringback-postgres.XXXXXX")
port=

# PostgreSQL refuses to run as root.
unprivileged() {
    if [[ $EUID -eq 0 ]]; then
        (cd "$folder" && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

cleanup() {
    # Immediate, not fast: sessions of a killed test must not delay it, and the data is deleted anyway.
    if [[ -n $port ]]; then
        unprivileged "$programs/pg_ctl" stop --silent --mode immediate --pgdata "$folder/data" || true
    fi
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'end INT; exit 130' INT
trap 'end TERM; exit 143' TERM HUP

# The command runs in the background; otherwise this script would handle a signal only after the command's end.
child=
end() {
    if [[ -n $child ]]; then
        kill -s "$1" "$child" 2>/dev/null || true
        wait "$child" || true
    fi
}

# Stops and starts the cluster, on the same port, while the command runs.
make_control() {
    local run=()
    [[ $EUID -ne 0 ]] || run=(setpriv --reuid=postgres --regid=postgres --init-groups)
    cat >"$folder/control" <<END
#!/usr/bin/env bash
set -euo pipefail
cd "$folder"
# A server that outlives its starter must not keep the starter's files open: somebody may wait until they are closed.
for handle in /proc/\$\$/fd/*; do
    number=\${handle##*/}
    # 255 is the shell's own, for this script.
    if ((number > 2 && number != 255)); then eval "exec \$number>&-"; fi
done
case \$1 in
    stop) ${run[*]} "$programs/pg_ctl" stop --silent --wait --mode fast --pgdata "$folder/data" ;;
    start) ${run[*]} "$programs/pg_ctl" start --silent --wait --pgdata "$folder/data" \\
        --log "$folder/data/server.log" --options "$(cluster_options)" >/dev/null ;;
    *) exit 64 ;;
esac
END
    chmod +x "$folder/control"
}

random_hex() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

make_cluster() {
    local password=$1
    (umask 077 && printf '%s\n' "$password" >"$folder/password")
    [[ $EUID -ne 0 ]] || chown -R postgres:postgres "$folder"
    unprivileged "$programs/initdb" --pgdata "$folder/data" --username ringback --pwfile "$folder/password" \
        --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 >"$folder/initdb.log" 2>&1 ||
        fail "initdb: $(tail -n 3 "$folder/initdb.log")"
    rm "$folder/password"
}

cluster_options() {
    printf '%s' "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300"
}

# Another process may take the port before PostgreSQL listens: a few tries.
start_cluster() {
    local try
    for try in 1 2 3 4 5; do
        port=$(free_port)
        unprivileged "$programs/pg_ctl" start --silent --wait --pgdata "$folder/data" --log "$folder/data/server.log" \
            --options "$(cluster_options)" >/dev/null && return
        say "PostgreSQL did not start on port $port (try $try)." >&2
    done
    fail "PostgreSQL: $(tail -n 5 "$folder/data/server.log")"
}

password=$(random_hex)
make_cluster "$password"
start_cluster
make_control
export RINGBACK_TEST_POSTGRES_CONTROL=$folder/control
export RINGBACK_TEST_POSTGRES="postgres://ringback:$password@127.0.0.1:$port/postgres"
"$@" </dev/null &
child=$!
wait "$child"
