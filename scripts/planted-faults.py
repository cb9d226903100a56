#!/usr/bin/env python3
"""Plants each fault of Tests/SimulatorTests/faults.toml in a copy of the call core, for the simulator to find.

Fails when one is not found, when one does not compile, and when a text to replace does not stand in its file exactly
once. With arguments, only the faults whose names contain one of them are planted.
"""

import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "Tests/SimulatorTests/faults.toml"
COPY = ROOT / ".build/planted-faults"
TARGETS = {
    "Primitives": "Sources/Primitives",
    "SignalingCore": "Signaling/Core",
    "simulate": "Signaling/Simulator",
}
# Optimised, but built file by file: a fault is compiled in seconds and found soon.
MANIFEST = """\
// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-O"]),
]

let package = Package(
    name: "planted-faults",
    dependencies: [.package(path: "../checkouts/swift-argument-parser")],
    targets: [
        .target(name: "Primitives", path: "Sources/Primitives", swiftSettings: settings),
        .target(
            name: "SignalingCore", dependencies: ["Primitives"], path: "Signaling/Core", swiftSettings: settings),
        .executableTarget(
            name: "simulate",
            dependencies: [
                "Primitives", "SignalingCore", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Signaling/Simulator", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6])
"""
SCHEDULES = 40_000


def write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_sources() -> None:
    """Brings the copy up to date; files that have not changed keep their time, so that they are not built again."""
    write_if_changed(COPY / "Package.swift", MANIFEST)
    for folder in TARGETS.values():
        sources = {path.name: path for path in (ROOT / folder).glob("*.swift")}
        (COPY / folder).mkdir(parents=True, exist_ok=True)
        for stale in (COPY / folder).glob("*.swift"):
            if stale.name not in sources:
                stale.unlink()
        for name, path in sources.items():
            write_if_changed(COPY / folder / name, path.read_text())


def build() -> str | None:
    """Builds the copy. What it returns, when it returns something, is why it can't be built."""
    done = subprocess.run(
        ["swift", "build", "--package-path", str(COPY), "--product", "simulate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    return "\n".join(errors[:5]) or done.stdout[-2000:]


def simulate(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(COPY / ".build/debug/simulate"), "--partial", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return done.returncode, done.stdout


def plant(fault: dict[str, str]) -> tuple[bool, str]:
    """Plants a fault and looks for it. Returns whether it was found, and by what."""
    path = COPY / fault["file"]
    whole = (ROOT / fault["file"]).read_text()
    found = whole.count(fault["find"].removeprefix("\n"))
    if found != 1:
        return False, f"its text stands {found} times in {fault['file']}"
    path.write_text(whole.replace(fault["find"].removeprefix("\n"), fault["replace"].removeprefix("\n")))
    try:
        if why := build():
            return False, f"does not compile:\n{why}"
        status, output = simulate("--count", str(SCHEDULES))
    finally:
        path.write_text(whole)
    match = re.search(r"^seed (\d+): (.*)$", output, re.MULTILINE)
    if match:
        return True, f"seed {match[1]}: {match[2]}"
    if status < 0 or "Fatal error" in output:
        return True, "the process traps"
    return False, f"survived {SCHEDULES} schedules"


def main() -> int:
    faults = tomllib.loads(LIST.read_text())["fault"]
    if len({fault["name"] for fault in faults}) < len(faults):
        print("error: two faults have the same name", file=sys.stderr)
        return 1
    if wanted := sys.argv[1:]:
        faults = [fault for fault in faults if any(word in fault["name"] for word in wanted)]
    copy_sources()
    if why := build():
        print(f"error: without a fault it does not compile:\n{why}", file=sys.stderr)
        return 1
    status, output = simulate("--count", "2000")
    if status != 0:
        print(f"error: without a fault something breaks:\n{output}", file=sys.stderr)
        return 1
    survivors = 0
    for number, fault in enumerate(faults, 1):
        began = time.monotonic()
        is_found, what = plant(fault)
        survivors += not is_found
        mark = "found    " if is_found else "NOT FOUND"
        print(f"{number:2}  {mark} {time.monotonic() - began:5.1f} s  {fault['name']}\n        {what}", flush=True)
    shutil.rmtree(COPY / "Signaling", ignore_errors=True)
    print(f"\n{len(faults) - survivors} of {len(faults)} planted faults found")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
