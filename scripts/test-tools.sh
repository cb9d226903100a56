# What the tests need besides Swift: Debian packages and a Python environment. Sourced after common.sh.
# shellcheck shell=bash

need_interop_tools() {
    need_packages "for the tests with a browser and on databases" \
        chromium fonts-dejavu-core fonts-noto-color-emoji postgresql python3-venv sqlite3
    need_python_environment
}

# The JavaScript engine that comes with Playwright: Debian's node is too old for the web client's tests.
node() {
    "$(.venv/bin/python -c 'import pathlib, playwright; print(pathlib.Path(playwright.__file__).parent / "driver/node")')" "$@"
}

# .venv with exactly the packages of requirements.txt; made anew when that file changes.
need_python_environment() {
    local wanted=Tests/Interop/requirements.txt stamp=.venv/requirements.txt
    cmp --silent "$wanted" "$stamp" && return
    say "Fetching the Python packages of $wanted into .venv (about 100 MB, well below a minute on most lines)."
    rm -rf .venv
    /usr/bin/python3 -m venv .venv
    .venv/bin/pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --requirement "$wanted"
    cp "$wanted" "$stamp"
}
