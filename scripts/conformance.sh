#!/usr/bin/env bash
# conformance.sh [RESULTS]: builds the server and runs the Autobahn test suite against its WebSocket. Reports go to the
# folder RESULTS (default: test-results). The suite needs Python 2.7; without it nothing is run.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

need_packages "to run the conformance suite" python3-minimal
if python=$(python27); then
    need_conformance_suite "$python"
    scripts/build.sh debug
fi
exec /usr/bin/python3 Tests/Conformance/run.py "${1:-test-results}" "$python"
