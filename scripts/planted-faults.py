#!/usr/bin/env python3
"""Plants each fault of Tests/SimulatorTests/faults.toml in a copy of the package: does the simulator find it?

Fails when one is not found, when one does not compile, and when a text to replace does not stand in its file exactly
once. With arguments, only the faults whose names contain one of them are looked for.

All faults are built at once, as switches (fault_switches.py), and switched on one by one. One that can't be a switch,
or does not compile as one, has a build of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from fault_switches import VARIABLE, MisfitError, guilty, replaced, with_switches

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "Tests/SimulatorTests/faults.toml"
COPY = ROOT / ".build/planted-faults"
# Optimised, but built file by file: a fault with a build of its own is compiled in seconds.
BUILD = [
    "swift",
    "build",
    "--package-path",
    str(COPY),
    "--product",
    "simulate",
    "-Xswiftc",
    "-O",
    "--skip-update",
    "--only-use-versions-from-resolved-file",
]
SCHEDULES = 40_000

Fault = dict[str, str]


def write_if_changed(path: Path, content: bytes) -> None:
    """Files that have not changed keep their time, so that they are not built again."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def copy_package(changed: dict[str, str]) -> None:
    """Brings the copy up to date, with other texts for the files that are to be changed.

    The packages that it depends on are the ones that are here already.
    """
    manifest = subprocess.run(
        ["swift", "package", "--package-path", str(ROOT), "dump-package"], stdout=subprocess.PIPE, text=True, check=True
    )
    wanted = {Path("Package.swift"), Path("Package.resolved")}
    for target in json.loads(manifest.stdout)["targets"]:
        folder = ROOT / (target.get("path") or f"Tests/{target['name']}")
        wanted |= {path.relative_to(ROOT) for path in folder.rglob("*") if path.is_file()}
    for path in wanted:
        text = changed.get(str(path))
        write_if_changed(COPY / path, (ROOT / path).read_bytes() if text is None else text.encode())
    for path in COPY.rglob("*"):
        relative = path.relative_to(COPY)
        if relative.parts[0] != ".build" and path.is_file() and relative not in wanted:
            path.unlink()
    (COPY / ".build").mkdir(exist_ok=True)
    write_if_changed(COPY / ".build/workspace-state.json", (ROOT / ".build/workspace-state.json").read_bytes())
    for name in ("checkouts", "repositories"):
        link = COPY / ".build" / name
        if not link.is_symlink():
            shutil.rmtree(link, ignore_errors=True)
            link.symlink_to(ROOT / ".build" / name)


def build() -> str | None:
    """Builds the copy. What it returns, when it returns something, is why it can't be built."""
    # Warnings are no errors here: a fault may leave something unused.
    environment = {name: value for name, value in os.environ.items() if name != "RINGBACK_STRICT"}
    done = subprocess.run(
        BUILD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode == 0:
        return None
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    return "\n".join(errors) or done.stdout[-2000:]


def simulate(count: int, number: int = 0) -> tuple[int, str]:
    done = subprocess.run(
        [str(COPY / ".build/debug/simulate"), "--partial", "--count", str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {VARIABLE: str(number)},
    )
    return done.returncode, done.stdout


def with_all_switches(faults: dict[int, Fault], left_out: set[int]) -> tuple[dict[str, str], set[int]]:
    """The changed text of each file with faults in it, and which of the faults are switches there."""
    texts, planted = {}, set()
    for file in sorted({fault["file"] for fault in faults.values()}):
        here = {n: fault for n, fault in faults.items() if fault["file"] == file and n not in left_out}
        texts[file], switches = with_switches((ROOT / file).read_text(), here)
        planted |= switches
    return texts, planted


def build_switches(faults: dict[int, Fault]) -> tuple[dict[str, str], set[int]]:
    """Builds the copy with as many switches as compile. Exits when the package can't be built even without any."""
    left_out: set[int] = set()
    while True:
        texts, planted = with_all_switches(faults, left_out)
        copy_package(texts)
        if not (why := build()):
            return texts, planted
        if not planted:
            sys.exit(f"error: without a fault it does not compile:\n{why}")
        left_out |= guilty(why) & planted or planted


def find_switched(number: int) -> tuple[bool, str]:
    """Switches a fault on and looks for it. Returns whether it was found, and by what."""
    status, output = simulate(SCHEDULES, number)
    if match := re.search(r"^seed (\d+): (.*)$", output, re.MULTILINE):
        return True, f"seed {match[1]}: {match[2]}"
    if status < 0 or "Fatal error" in output:
        return True, "the process traps"
    return False, f"survived {SCHEDULES} schedules"


def find_alone(fault: Fault, text: str) -> tuple[bool, str]:
    """Plants a fault in a build of its own and looks for it. `text` is what stands in its file for the others."""
    path = COPY / fault["file"]
    path.write_text(replaced((ROOT / fault["file"]).read_text(), fault)[0])
    try:
        if why := build():
            return False, f"does not compile:\n{why}"
        return find_switched(0)
    finally:
        path.write_text(text)


def main() -> int:
    faults = dict(enumerate(tomllib.loads(LIST.read_text())["fault"], 1))
    if len({fault["name"] for fault in faults.values()}) < len(faults):
        sys.exit("error: two faults have the same name")
    misfits = {}
    for number, fault in faults.items():
        try:
            replaced((ROOT / fault["file"]).read_text(), fault)
        except (MisfitError, FileNotFoundError) as error:
            misfits[number] = str(error)
    fitting = {number: fault for number, fault in faults.items() if number not in misfits}

    began = time.monotonic()
    texts, switches = build_switches(fitting)
    print(f"built with {len(switches)} of {len(faults)} faults as switches in {time.monotonic() - began:.0f} s")
    status, output = simulate(2000)
    if status != 0:
        sys.exit(f"error: without a fault something breaks:\n{output}")

    words = sys.argv[1:]
    wanted = [n for n, fault in faults.items() if not words or any(word in fault["name"] for word in words)]
    survivors = 0
    # Those with a build of their own come last: they take the place of the common one.
    for number in sorted(wanted, key=lambda number: (number not in switches, number)):
        fault, began = faults[number], time.monotonic()
        if number in misfits:
            is_found, what = False, misfits[number]
        elif number in switches:
            is_found, what = find_switched(number)
        else:
            is_found, what = find_alone(fault, texts[fault["file"]])
        survivors += not is_found
        mark = "found    " if is_found else "NOT FOUND"
        print(f"{number:2}  {mark} {time.monotonic() - began:5.1f} s  {fault['name']}\n        {what}", flush=True)
    print(f"\n{len(wanted) - survivors} of {len(wanted)} planted faults found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
