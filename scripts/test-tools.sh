# What the tests need in addition to Swift: Debian packages and a Python environment. Sourced after common.sh.
# shellcheck shell=bash

need_interop_tools() {
    need_packages "for the tests with a browser and on databases" \
        chromium-headless-shell fonts-dejavu-core fonts-noto-color-emoji postgresql python3-venv sqlite3
    need_without_daemon coturn "for the tests of calls through a TURN server"
    need_without_daemon pgbouncer "for the tests with a PostgreSQL connection pooler"
    need_python_environment
}

need_lint_tools() {
    need_packages "to check scripts and the web client" eslint node-typescript shellcheck
    need_python_environment
}

# debian_node PROGRAM [FLAG…]: runs a program of Debian's node packages with Playwright's node, as the tests do. That node
# does not look into Debian's folder of packages by itself.
debian_node() {
    local program=/usr/share/nodejs/$1
    shift
    [[ -e $program ]] || fail "$program is missing: install the Debian packages eslint and node-typescript"
    NODE_PATH=/usr/share/nodejs node "$program" "$@"
}

# A package, without the daemon that it would start on the usual ports.
need_without_daemon() {
    local package=$1 purpose=$2 is_new=true
    if ! command -v dpkg-query >/dev/null || is_installed "$package"; then is_new=false; fi
    # Masked until systemd has seen the installation. Where systemd does not run, nothing starts either.
    if $is_new && [[ -d /run/systemd/system ]]; then as_root systemctl mask --runtime --quiet "$package.service"; fi
    need_packages "$purpose" "$package"
    if $is_new && [[ -d /run/systemd/system ]]; then
        as_root systemctl unmask --runtime --quiet "$package.service"
        as_root systemctl disable --quiet "$package.service"
    fi
}

# The JavaScript engine that comes with Playwright: Debian's node is too old for the web client's tests.
node() {
    "$(.venv/bin/python -c 'import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver/node")')" "$@"
}

# .venv with exactly the packages of requirements.txt; recreated when that file changes.
need_python_environment() {
    local wanted=Tests/Interop/requirements.txt stamp=.venv/requirements.txt
    cmp --silent "$wanted" "$stamp" && return
    say "Downloading the Python packages of $wanted into .venv (about 100 MB, usually less than a minute)."
    rm -rf .venv
    /usr/bin/python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --requirement "$wanted"
    cp "$wanted" "$stamp"
}

# The path of a Python 2.7 that can install packages; fails when there is none.
python27() {
    local python
    for python in "$(command -v python2.7)" "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/2.7.*/bin/python2.7; do
        # Run it to make sure: pyenv also puts versions on the PATH that are not selected.
        if "$python" -m pip --version &>/dev/null; then
            printf '%s\n' "$python"
            return
        fi
    done
    return 1
}

# .autobahn with exactly the packages of Tests/Conformance/requirements.txt; recreated when that file changes.
# It is a folder of modules, because Python 2.7 cannot create an environment by itself.
need_conformance_suite() {
    local python=$1 wanted=Tests/Conformance/requirements.txt stamp=.autobahn/requirements.txt
    cmp --silent "$wanted" "$stamp" && return
    say "Downloading the Autobahn test suite into .autobahn. Some of it is built here, in about half a minute."
    rm -rf .autobahn
    PIP_CONSTRAINT=$PWD/Tests/Conformance/build-constraints.txt PYTHONWARNINGS=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
        --target .autobahn --requirement "$wanted" 2> >(grep -v DEPRECATION >&2)
    cp "$wanted" "$stamp"
}
