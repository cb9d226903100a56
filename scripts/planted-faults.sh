#!/usr/bin/env bash
# Plants faults in copies of the code, and sees whether the simulator finds them. Arguments: parts of their names; --record notes
# where each was found.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_packages "to plant faults" python3-minimal
need_swift
exec python3 -B scripts/planted-faults.py "$@"
