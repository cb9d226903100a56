#!/usr/bin/env bash
# Plants faults in a copy of the code, and sees whether the simulator finds them. Arguments: parts of their names.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need_build_packages
need_packages "to plant faults" python3-minimal
need_swift
# The copy is built with the packages that are here already.
[[ -e .build/workspace-state.json && -e Package.resolved ]] || swift package resolve
exec python3 -B scripts/planted-faults.py "$@"
