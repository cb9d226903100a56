# Shared by the scripts. Each of them sources it, which changes to the project's folder.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# 75 -> "1:15"
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root, and sudo is not installed. As root, run: $*"
    fi
}

is_installed() { [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages WHY PACKAGE…: installs the missing Debian packages; uses no network if none is missing.
need_packages() {
    local why=$1 package missing=()
    shift
    if ! command -v dpkg-query >/dev/null; then
        say "This is not a Debian system. Install the equivalents of these Debian packages: $* ($why)."
        return
    fi
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -eq 0 ]] && return
    say "Installing Debian packages, $why: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 \
        install --yes --no-install-recommends "${missing[@]}"
}

need_build_packages() {
    need_packages "for the Swift compiler and to fetch the Swift packages" \
        binutils ca-certificates git libc6-dev libgcc-12-dev libstdc++-12-dev
    need_packages "libraries that the server is built on" \
        libcrypt-dev libpq-dev libsqlite3-dev libssl-dev pkg-config zlib1g-dev
}

# Puts swift on the PATH if it is in one of the usual folders.
need_swift() {
    local folder version
    for folder in /opt/swift/usr/bin /usr/local/swift/usr/bin "$HOME/.local/share/swiftly/bin"; do
        command -v swift >/dev/null && break
        [[ -x $folder/swift ]] && PATH=$folder:$PATH
    done
    command -v swift >/dev/null || fail "swift is not on the PATH. Get Swift 6.3 from https://swift.org/install/linux"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
    [[ $(printf '%s\n' 6.3 "$version" | sort --version-sort | head -n 1) == 6.3 ]] ||
        fail "Swift ${version:-of an unknown version} is too old. Get Swift 6.3 from https://swift.org/install/linux"
}

# Says how long the compiler will take.
announce_build() {
    local configuration=$1 minutes=$2
    if [[ -d .build/$configuration ]]; then
        say "Building what has changed ($configuration). The compiler's progress follows."
    else
        say "Building ($configuration). The first build takes about $minutes minutes on 2 cores. The compiler's progress follows."
    fi
}
