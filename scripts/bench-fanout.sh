#!/usr/bin/env bash
# bench-fanout.sh [FLAG…]: measures the cost of one mute in a call, in a release build.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_swift
announce_build release 8
swift build --configuration release --product bench-fanout
exec .build/release/bench-fanout "$@"
