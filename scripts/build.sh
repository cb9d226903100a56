#!/usr/bin/env bash
# build.sh debug|release
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_swift
case ${1:-} in
    debug)
        announce_build debug 6
        # As `make test` builds it: other flags would build all of it anew.
        swift build --build-tests --disable-index-store
        ;;
    release)
        announce_build release 8
        swift build --configuration release --product ringback
        ;;
    *) fail "usage: build.sh debug|release" ;;
esac
