#!/usr/bin/env bash
# Sends a release server what a hostile client might. MINUTES, SEED and REPLAY come from the environment; each may be empty.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_packages "to run the fuzzer" python3
scripts/build.sh release
arguments=()
[[ -z ${MINUTES:-} ]] || arguments+=(--minutes "$MINUTES")
[[ -z ${SEED:-} ]] || arguments+=(--seed "$SEED")
[[ -z ${REPLAY:-} ]] || arguments+=(--replay "$REPLAY")
RINGBACK_EXECUTABLE=$PWD/.build/release/ringback exec python3 Tests/Interop/socket_fuzzer.py "${arguments[@]}"
