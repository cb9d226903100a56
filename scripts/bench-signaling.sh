#!/usr/bin/env bash
# bench-signaling.sh [FLAG…]: measures calls, messages and relays, in release builds, beside the floor in Benchmarks/Signaling.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly floor=.build/bench/call-rows

need_build_packages
need_packages "to compile the floor, and as the database that is measured" gcc libc6-dev postgresql python3-minimal
need_swift
announce_build release 8
swift build --configuration release --product ringback
swift build --configuration release --product loadtest
mkdir -p "${floor%/*}"
read -ra flags <<<"$(pkg-config --cflags --libs libpq)"
cc -O2 -o "$floor" Benchmarks/Signaling/call-rows.c "${flags[@]}"
exec scripts/with-postgres.sh /usr/bin/python3 Benchmarks/Signaling/bench_signaling.py --floor "$floor" "$@"
