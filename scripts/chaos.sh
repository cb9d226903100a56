#!/usr/bin/env bash
# chaos.sh [--short]: kills the server repeatedly under calls, stops its database, and checks that nothing was lost.
# CYCLES, RATE, SEED, PEOPLE and DATABASE (sqlite, postgresql or both) come from the environment. --short uses the debug
# build and runs for about two minutes.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Inside with-postgres.sh, because only it knows the cluster.
if [[ ${1:-} == --on-cluster ]]; then
    shift
    exec "$@" --database "$RINGBACK_TEST_POSTGRES" --database-control "$RINGBACK_TEST_POSTGRES_CONTROL"
fi

build=release
database=${DATABASE:-both}
# About 50 calls a second find their people free; the others come while the server is down or people are busy.
cycles=${CYCLES:-200} rate=${RATE:-65} people=${PEOPLE:-600}
outages=(restart stop)
if [[ ${1:-} == --short ]]; then
    build=debug
    cycles=${CYCLES:-4} rate=${RATE:-10} people=${PEOPLE:-60}
    outages=(restart)
fi
case $database in
    sqlite | postgresql | both) ;;
    *) fail "DATABASE must be sqlite, postgresql or both, not $database" ;;
esac

if [[ $build == release ]]; then
    scripts/build.sh release
    need_swift
    swift build --configuration release --product loadtest
fi

reports=$(mktemp -d "${TMPDIR:-/tmp}/chaos-reports.XXXXXX")
trap 'rm -rf "$reports"' EXIT
failed=0

# storm NAME FLAG…: one run, whose report is kept for the table. On PostgreSQL it has its own cluster.
storm() {
    local name=$1 launcher=()
    shift
    [[ $name != postgresql-* ]] || launcher=(scripts/with-postgres.sh scripts/chaos.sh --on-cluster)
    say ""
    say "== $name"
    "${launcher[@]}" ".build/$build/loadtest" chaos --ringback "$PWD/.build/$build/ringback" \
        --rate "$rate" --people "$people" ${SEED:+--seed "$SEED"} --json "$reports/$name.json" "$@" || failed=1
}

if [[ $database != postgresql ]]; then storm sqlite-kills --cycles "$cycles"; fi
if [[ $database != sqlite ]]; then
    storm postgresql-kills --cycles "$cycles"
    for outage in "${outages[@]}"; do storm "postgresql-$outage" --outage "$outage"; done
fi

say ""
/usr/bin/python3 - "$reports" <<'PYTHON'
import json
import sys
from pathlib import Path

COLUMNS = ("cycles", "placed", "achieved_per_second", "answered", "acknowledged", "repeats", "reconnects", "violations")
head = ["run", *(name.removesuffix("_per_second") for name in COLUMNS), "restart p50", "p99 (ms)"]
rows = []
for path in sorted(Path(sys.argv[1]).glob("*.json"), key=lambda path: path.stat().st_mtime):
    report = json.loads(path.read_text())
    restart = report["latencies_ms"].get("restart", {})
    cells = [f"{report['figures'][name]:.4g}" if "second" in name else f"{report['figures'][name]:.0f}" for name in COLUMNS]
    rows.append([path.stem, *cells, f"{restart.get('p50', 0):.0f}", f"{restart.get('p99', 0):.0f}"])
widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
for row in [head, *rows]:
    print("  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))))
PYTHON
exit "$failed"
