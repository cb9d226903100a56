#!/usr/bin/env bash
# Runs every check and every test. Ends with a table of the steps and their times, and one line that says how many passed,
# failed and were skipped. The output of the steps goes to test-results/, and is shown when a step fails.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

# The script starts itself a second time, inside with-postgres.sh.
if [[ ${1:-} != with-postgres ]]; then
    say "Checking what the build and the tests need."
    need_build_packages
    need_swift
    need_interop_tools
    need_lint_tools
    if python=$(python27); then need_conformance_suite "$python"; fi
    exec scripts/with-postgres.sh scripts/test.sh with-postgres
fi

need_swift
readonly results=$PWD/test-results steps=13
rm -rf "$results"
mkdir "$results"
step_number=0
step_pid=
beside_pid=

# Each step has its own process group, so that nothing of it keeps running when the script ends early.
end_steps() {
    local pid
    for pid in $step_pid $beside_pid; do kill -TERM -- "-$pid" 2>/dev/null || true; done
}
trap end_steps EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Waits for the step, and prints its progress from time to time.
follow() {
    local log=$1 began=$SECONDS last
    while kill -0 "$step_pid" 2>/dev/null; do
        sleep 1
        if (((SECONDS - began) % 20 == 0)); then
            last=$(tr '\r' '\n' <"$log" | tail -n 1 | cut -c 1-90)
            say "        $(clock $((SECONDS - began)))  $last"
        fi
    done
    wait "$step_pid"
}

# step NAME WHAT COMMAND…: runs a command and records how it ended. WHAT is for people.
step() {
    local name=$1 what=$2 log=$results/$1.log began=$SECONDS status=0
    shift 2
    step_number=$((step_number + 1))
    say ""
    say "[$step_number/$steps] $(clock "$SECONDS")  $what"
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    step_pid=$!
    set +m
    follow "$log" || status=$?
    step_pid=
    record "$name" "$((SECONDS - began))" "$status"
    return "$status"
}

# Says how a step ended, and notes it for the table.
record() {
    local name=$1 seconds=$2 status=$3
    if ((status == 0)); then
        say "        passed in $(clock "$seconds")"
    else
        tail -n 100 "$results/$name.log" 2>/dev/null | sed 's/^/    | /' || true
        say "        FAILED after $(clock "$seconds"): exit code $status, full log in test-results/$name.log"
    fi
    printf '%s\t%s\t%s\n' "$name" "$seconds" "$status" >>"$results/steps.tsv"
}

# start_beside COMMAND…: runs commands one after the other beside the next steps, with the lowest priority, as these mostly
# wait for disks. `join_beside COMMAND…` waits for them and records each as a step.
start_beside() {
    say ""
    say "Beside the next steps: $*"
    : >"$results/beside.tsv"
    set -m
    (
        for name in "$@"; do
            began=$SECONDS status=0
            nice -n 19 bash -c "$(declare -f "$name"); set -euo pipefail; $name" >"$results/$name.log" 2>&1 || status=$?
            printf '%s\t%s\t%s\n' "$name" "$((SECONDS - began))" "$status" >>"$results/beside.tsv"
        done
    ) </dev/null &
    beside_pid=$!
    set +m
}

join_beside() {
    local name seconds status ended took code
    say ""
    say "$(clock "$SECONDS")  What ran beside:"
    wait "$beside_pid" || true
    beside_pid=
    for name in "$@"; do
        step_number=$((step_number + 1))
        say "[$step_number/$steps] $name"
        seconds=0 status=1
        while IFS=$'\t' read -r ended took code; do
            if [[ $ended == "$name" ]]; then seconds=$took status=$code; fi
        done <"$results/beside.tsv"
        record "$name" "$seconds" "$status"
    done
}

# One after the other: on few cores, tests that wait for real databases would starve each other past their time limits.
# Without `swift test`, which would keep the optimized build beside it waiting.
swift_tests() {
    .build/debug/ringbackPackageTests.xctest --testing-library swift-testing --no-parallel \
        --event-stream-output-path "$results/swift.jsonl" --event-stream-version 6.3
}

web_client_tests() {
    local tests=(Tests/WebClient/*.test.mjs)
    [[ -e ${tests[0]} ]] || fail "there are no tests in Tests/WebClient"
    node --test --test-timeout=60000 --test-reporter=tap --test-reporter-destination="$results/node.tap" \
        --test-reporter=spec --test-reporter-destination=stdout "${tests[@]}"
}

interop_tests() {
    RINGBACK_TEST_RESULTS=$results .venv/bin/python -m pytest -c Tests/Interop/pytest.ini Tests/Interop \
        --numprocesses 2 --dist worksteal --junitxml "$results/interop.xml"
}

conformance_tests() {
    /usr/bin/python3 Tests/Conformance/run.py "$results" "$(python27 || true)"
}

simulator() { SEED=1 COUNT=20000 scripts/simulate.sh; }

faults() { scripts/planted-faults.sh; }

strict_build() {
    RINGBACK_STRICT=1 swift build --build-tests --explicit-target-dependency-import-check error
}

build_time="about 15 minutes on 2 cores"
[[ -d .build/debug ]] && build_time="what has changed"

step format "Format of the Swift files" scripts/lint.sh swift || true
step scripts "Shell scripts (shellcheck)" scripts/lint.sh shell || true
step types "Types of the web client and its tests (tsc)" scripts/lint.sh types || true
step rules "Rules of the web client and its tests (ESLint)" scripts/lint.sh javascript || true
step python "Python of tests and scripts (ruff, mypy)" scripts/lint.sh python || true
if step build "Strict debug build, warnings are errors: $build_time" strict_build; then
    # Random schedules against the call core and its owner, and faults that they have to find.
    start_beside simulator faults
    step swift "Swift tests, on SQLite and PostgreSQL: about 10 minutes" swift_tests || true
    step node "Tests of the web client" web_client_tests || true
    step conformance "WebSocket conformance (Autobahn test suite): about a minute" conformance_tests || true
    join_beside simulator faults
    step chaos "A server that is killed under calls, on SQLite and PostgreSQL: about 2 minutes" scripts/chaos.sh --short || true
    step interop "Tests with Chromium and aiortc, on SQLite and PostgreSQL: about 16 minutes" interop_tests || true
else
    step node "Tests of the web client" web_client_tests || true
    for name in swift simulator faults conformance chaos interop; do
        printf '%s\t0\t%s\n' "$name" "not run: the build failed" >>"$results/steps.tsv"
    done
fi

say ""
say "$(clock "$SECONDS")  Done."
.venv/bin/python scripts/summarize.py "$results"
