#!/usr/bin/env bash
# Runs the tests of the concurrent parts with the thread sanitizer and their own PostgreSQL cluster.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_packages "for the tests on PostgreSQL" postgresql python3-minimal
need_swift
say "Building with the thread sanitizer. The first build takes about 18 minutes on 2 cores."
scripts/with-postgres.sh swift test --sanitize=thread --scratch-path .build/tsan --no-parallel --filter '(Composition|Delivery|Dispatch|Gateway|MediaServer|Outbox|Storage|Signaling)'
