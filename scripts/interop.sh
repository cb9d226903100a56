#!/usr/bin/env bash
# interop.sh [PYTEST FLAG…]: builds the server and runs Tests/Interop on both databases.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

need_interop_tools
scripts/build.sh debug
scripts/with-postgres.sh .venv/bin/python -m pytest -c Tests/Interop/pytest.ini Tests/Interop "$@"
