#!/usr/bin/env bash
# lint.sh [PART…]: checks the code without running it. Parts: swift, shell, types, javascript, python; all by default.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

# The web client and its tests are two programs for the checker, because the tests use node, which a page does not have.
check_types() {
    local program status=0
    for program in . Tests/WebClient; do
        debian_node typescript/lib/tsc.js --project "$program" --pretty false || status=1
    done
    return "$status"
}

check_python() {
    local status=0
    .venv/bin/python -m ruff check Benchmarks Tests scripts || status=1
    .venv/bin/python -m ruff format --check Benchmarks Tests scripts || status=1
    .venv/bin/python -m mypy || status=1
    return "$status"
}

check() {
    case $1 in
        swift) scripts/format.sh lint ;;
        shell) shellcheck --external-sources scripts/*.sh .ci/run ;;
        types) check_types ;;
        javascript)
            debian_node eslint/bin/eslint.js --format unix --max-warnings 0 --ext .js,.mjs \
                Sources/WebClient Tests/WebClient scripts
            ;;
        python) check_python ;;
        *) fail "unknown part $1: the parts are swift, shell, types, javascript, python" ;;
    esac
}

need_lint_tools
status=0
[[ $# -gt 0 ]] || set -- swift shell types javascript python
for part in "$@"; do
    say "Checking: $part"
    check "$part" || status=1
done
exit "$status"
