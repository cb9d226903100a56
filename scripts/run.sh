#!/usr/bin/env bash
# run.sh [FLAG…]: builds the server and starts it. The flags are those of `ringback serve`.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_swift
scripts/build.sh release
# exec: Ctrl-C and SIGTERM reach the server itself, which shuts down gracefully.
exec .build/release/ringback serve "$@"
