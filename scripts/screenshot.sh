#!/usr/bin/env bash
# Takes the pictures of docs/images: a video call between two windows, and on a phone; a group call; the settings.
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/test-tools.sh
source scripts/test-tools.sh

need_interop_tools
scripts/build.sh debug
.venv/bin/python Tests/Interop/screenshot.py docs/images
