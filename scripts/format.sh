#!/usr/bin/env bash
# format.sh write|lint: formats or checks our own Swift files, not the generated ones. `write` also formats the Python
# files, whose format lint.sh checks.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

own_swift_files() {
    local folder folders=()
    for folder in Sources Signaling Media Tests loadtest; do
        [[ -d $folder ]] && folders+=("$folder")
    done
    find Package.swift "${folders[@]}" -name '*.swift' ! -name '*.pb.swift' -print0
}

need_swift
case ${1:-} in
    write)
        own_swift_files | xargs -0 swift format --in-place --parallel
        need_python_environment
        .venv/bin/python -m ruff format Benchmarks Tests scripts
        ;;
    lint) own_swift_files | xargs -0 swift format lint --strict --parallel ;;
    *) fail "usage: format.sh write|lint" ;;
esac
