#!/usr/bin/env bash
# Runs an optimized simulator. SEED, COUNT, MINUTES and TRACE come from the environment; each may be empty.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_swift
[[ -d .build/release ]] || say "Building the simulator (release). The first build takes about 5 minutes on 2 cores."
swift build --configuration release --product simulate
arguments=(--threads "$(nproc)")
[[ -z ${SEED:-} ]] || arguments+=(--seed "$SEED")
[[ -z ${COUNT:-} ]] || arguments+=(--count "$COUNT")
[[ -z ${MINUTES:-} ]] || arguments+=(--minutes "$MINUTES")
[[ -z ${TRACE:-} ]] || arguments+=(--trace)
# The memory of a schedule serves the next one, instead of going back to the system.
export MALLOC_TRIM_THRESHOLD_=$((1 << 28)) MALLOC_MMAP_THRESHOLD_=$((1 << 28))
exec .build/release/simulate "${arguments[@]}"
