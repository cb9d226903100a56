#!/usr/bin/env bash
# build.sh debug|release
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_swift
case ${1:-} in
    debug)
        announce_build debug 15
        swift build --build-tests
        ;;
    release)
        announce_build release 8
        swift build --configuration release --product ringback
        ;;
    *) fail "usage: build.sh debug|release" ;;
esac
