#!/usr/bin/env python3
"""Plants faults in copies of the code, and sees whether the simulator finds them.

Tests/SimulatorTests/faults.toml lists the faults: a text, and another one for its place. All of them are built at once
as switches (fault_switches.py); each that can't be one is built alone. Built are only the modules that faults stand in
and those that depend on them, as the package manager builds them for `make simulate`, beside what it has built.

Where a fault was found is noted in fault-seeds.json, and looked at first the next time; `--record` notes it anew. When
the fault is not found there any more, all schedules are run.
Arguments are parts of the names of faults; without any, all faults are planted. The exit code is 0 when every fault was
found.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fault_switches import VARIABLE, MisfitError, guilty, replaced, with_switches

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "Tests/SimulatorTests/faults.toml"
SEEDS = ROOT / "Tests/SimulatorTests/fault-seeds.json"
COPY = ROOT / ".build/planted-faults"
PROGRAM = COPY / "simulate"
# Each after those that it depends on, in groups that do not depend on each other.
MODULES = [["SignalingCore", "Storage"], ["SignalingService"], ["simulate"]]
# How many schedules a fault is looked for in, and how many of those that are compared with a real database.
SCHEDULES = 40_000
STORED_SCHEDULES = 4_000
PROCESSES = os.cpu_count() or 1

Fault = dict[str, str]


class BuildError(Exception):
    """What the compiler says."""


# Building


@dataclass
class Module:
    """How the package manager builds a module, and from which files."""

    name: str
    command: list[str]
    sources: list[Path]

    @staticmethod
    def named(name: str, manifest: str) -> "Module":
        command = next(args for args in commands(manifest, name) if "-emit-module" in args)
        listed = next(arg[1:] for arg in command if arg.startswith("@"))
        sources = [Path(line) for text in Path(listed).read_text().splitlines() for line in shlex.split(text)]
        return Module(name, command, sources)

    @property
    def folder(self) -> Path:
        return COPY / f"{self.name}.build"

    @property
    def objects(self) -> list[Path]:
        # Files of a module have different names.
        return [self.folder / f"{source.name}.o" for source in self.sources]

    def holds(self, file: str) -> bool:
        return ROOT / file in self.sources

    def build(self, texts: dict[str, str]) -> None:
        """Compiles the module with other texts for some of its files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (COPY / "Modules").mkdir(exist_ok=True)
        sources = []
        for source in self.sources:
            if (text := texts.get(str(source.relative_to(ROOT)))) is None:
                sources.append(source)
            else:
                sources.append(self.folder / source.name)
                sources[-1].write_text(text)
        outputs = {str(source): {"object": str(at)} for source, at in zip(sources, self.objects, strict=True)}
        (self.folder / "outputs.json").write_text(json.dumps(outputs | {"": {}}))
        run([*self.options(), *map(str, sources)])

    def options(self) -> list[str]:
        """The command without what is for the package manager, and with what is built here before what is built there.

        Warnings are no errors: a fault may leave something unused.
        """
        dropped = {"-parseable-output", "-warnings-as-errors", "-serialize-diagnostics", "-emit-dependencies"}
        dropped |= {"-emit-objc-header", "-g"}
        changed = {
            "-emit-module-path": str(COPY / "Modules" / f"{self.name}.swiftmodule"),
            "-output-file-map": str(self.folder / "outputs.json"),
        }
        options = [self.command[0], "-I", str(COPY / "Modules"), "-suppress-warnings"]
        words = iter(self.command[1:])
        for word in words:
            if word in changed:
                next(words)
                options += [word, changed[word]]
            elif word == "-emit-objc-header-path":
                next(words)
            elif word == "-Xcc":
                options += [word, next(words)]
            elif word not in dropped and not word.startswith("@"):
                options.append(word)
        return options


def commands(manifest: str, module: str) -> Iterable[list[str]]:
    """The compiler's commands for a module in the manifest of a build."""
    for match in re.finditer(r"^ +args: (\[.*\])$", manifest, re.MULTILINE):
        args = json.loads(match[1])
        if "-module-name" in args and args[args.index("-module-name") + 1] == module:
            yield args


def run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "error:" in line]
        raise BuildError("\n".join(errors) or done.stdout[-2000:])


class Package:
    """The simulator as the package manager has built it."""

    def __init__(self) -> None:
        run(["swift", "build", "--package-path", str(ROOT), "--configuration", "release", "--product", "simulate"])
        manifest = (ROOT / ".build/release.yaml").read_text()
        self.groups = [[Module.named(name, manifest) for name in group] for group in MODULES]
        self.link_command = next(args for args in commands(manifest, "simulate") if "-emit-executable" in args)

    def build(self, texts: dict[str, str], changed: Iterable[str] | None = None) -> None:
        """Builds the simulator with other texts for some files: all modules, or those that the changed files reach."""
        for group in self.groups:
            wanted = [module for module in group if changed is None or any(map(module.holds, changed))]
            if wanted and changed is not None:
                changed = None
            with ThreadPoolExecutor(PROCESSES) as pool:
                for done in [pool.submit(module.build, texts) for module in wanted]:
                    done.result()
        self.link()

    def link(self) -> None:
        modules = [module for group in self.groups for module in group]
        command = list(self.link_command)
        place = next(place for place, word in enumerate(command) if word.startswith("@"))
        objects = [path for line in Path(command[place][1:]).read_text().splitlines() for path in shlex.split(line)]
        ours = tuple(f"{module.name}.build" for module in modules)
        kept = [path for path in objects if Path(path).parent.name not in ours]
        kept += [str(path) for module in modules for path in module.objects]
        (COPY / "objects").write_text("\n".join(map(shlex.quote, kept)) + "\n")
        command[place] = f"@{COPY / 'objects'}"
        command[command.index("-o") + 1] = str(PROGRAM)
        try:
            run(command)
        except BuildError as error:
            sys.exit(f"error: it can't be linked:\n{error}")


def with_all_switches(faults: dict[int, Fault], left_out: set[int]) -> tuple[dict[str, str], set[int]]:
    """The changed text of each file with faults in it, and which of the faults are switches there."""
    texts, planted = {}, set()
    for file in sorted({fault["file"] for fault in faults.values()}):
        here = {n: fault for n, fault in faults.items() if fault["file"] == file and n not in left_out}
        texts[file], switches = with_switches((ROOT / file).read_text(), here)
        planted |= switches
    return texts, planted


def build_switches(package: Package, faults: dict[int, Fault]) -> tuple[dict[str, str], set[int]]:
    """Builds with as many switches as compile. Exits when nothing can be built even without any."""
    left_out: set[int] = set()
    while True:
        texts, planted = with_all_switches(faults, left_out)
        try:
            package.build(texts)
            return texts, planted
        except BuildError as error:
            if not planted:
                sys.exit(f"error: without a fault it does not compile:\n{error}")
            misfits = guilty(str(error)) & planted or planted
            print(f"{len(misfits)} faults do not compile as switches:\n{error}", flush=True)
            left_out |= misfits


# Looking


@dataclass
class Finding:
    """What became of a fault."""

    is_found: bool
    what: str
    seconds: float
    seed: int | None = None
    is_where_noted: bool = False


def simulate(number: int, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(PROGRAM), "--partial", "--brief", "--threads", "1", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {VARIABLE: str(number)},
    )
    return done.returncode, done.stdout


def found_in(output: str, status: int) -> tuple[int | None, str] | None:
    if match := re.search(r"^seed (\d+): (.*)$", output, re.MULTILINE):
        return int(match[1]), f"seed {match[1]}: {match[2]}"
    if status < 0 or "Fatal error" in output:
        return None, "the process traps"
    return None


def find(number: int, fault: Fault, noted: int | None) -> Finding:
    """Looks for a fault that is built: first where it was found before."""
    began = time.monotonic()
    if noted is not None:
        status, output = simulate(number, "--seed", str(noted), "--count", "1")
        if found := found_in(output, status):
            return Finding(True, found[1], time.monotonic() - began, noted, is_where_noted=True)
    # What only the stored rows show is looked for where they are.
    is_stored = fault["file"].startswith("Sources/Storage/") or fault["file"].endswith("/CallRows.swift")
    count = STORED_SCHEDULES if is_stored else SCHEDULES
    status, output = simulate(number, "--count", str(count), *(["--stored"] if is_stored else []))
    if found := found_in(output, status):
        return Finding(True, found[1], time.monotonic() - began, found[0])
    what = f"survived {count} schedules" if status == 0 else output[-500:]
    return Finding(False, what, time.monotonic() - began)


def find_alone(package: Package, fault: Fault, texts: dict[str, str], noted: int | None) -> Finding:
    """Plants a fault in a build of its own and looks for it. The texts are what stands there for the others."""
    began = time.monotonic()
    file = fault["file"]
    try:
        package.build(texts | {file: replaced((ROOT / file).read_text(), fault)[0]}, [file])
    except BuildError as error:
        return Finding(False, f"does not compile:\n{error}", time.monotonic() - began)
    return find(0, fault, noted)


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--record"]
    faults = dict(enumerate(tomllib.loads(LIST.read_text())["fault"], 1))
    if len({fault["name"] for fault in faults.values()}) < len(faults):
        sys.exit("error: two faults have the same name")
    seeds: dict[str, int] = json.loads(SEEDS.read_text()) if SEEDS.exists() else {}
    misfits = {}
    for number, fault in faults.items():
        try:
            replaced((ROOT / fault["file"]).read_text(), fault)
        except (MisfitError, FileNotFoundError) as error:
            misfits[number] = str(error)
    fitting = {number: fault for number, fault in faults.items() if number not in misfits}

    began = time.monotonic()
    package = Package()
    print(f"built the simulator in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    texts, switches = build_switches(package, fitting)
    print(
        f"built with {len(switches)} of {len(faults)} faults as switches in {time.monotonic() - began:.0f} s",
        flush=True,
    )
    status, output = simulate(0, "--count", "2000")
    if status != 0:
        sys.exit(f"error: without a fault something breaks:\n{output}")

    began = time.monotonic()
    wanted = [n for n, fault in faults.items() if not words or any(word in fault["name"] for word in words)]
    findings: dict[int, Finding] = {}

    def note(number: int, finding: Finding) -> None:
        findings[number] = finding
        mark = "found    " if finding.is_found else "NOT FOUND"
        name = faults[number]["name"]
        print(f"{number:3}  {mark} {finding.seconds:5.1f} s  {name}\n         {finding.what}", flush=True)

    def look(number: int) -> None:
        fault = faults[number]
        note(number, find(number, fault, seeds.get(fault["name"])))

    for number in sorted(misfits.keys() & wanted):
        note(number, Finding(False, misfits[number], 0))
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(look, [number for number in wanted if number in switches]))
    # Those with a build of their own come last: they take the place of the common one.
    for number in wanted:
        if number not in findings:
            fault = faults[number]
            note(number, find_alone(package, fault, texts, seeds.get(fault["name"])))

    return summarize(faults, findings, seeds, is_recorded="--record" in sys.argv, since=began)


def summarize(
    faults: dict[int, Fault],
    findings: dict[int, Finding],
    seeds: dict[str, int],
    *,
    is_recorded: bool,
    since: float,
) -> int:
    """Says what took long, and notes where faults were found. Returns the exit code."""
    survivors = sum(not finding.is_found for finding in findings.values())
    print(f"\n{len(findings) - survivors} of {len(findings)} planted faults found in {time.monotonic() - since:.0f} s")
    elsewhere = [n for n, finding in findings.items() if finding.is_found and not finding.is_where_noted]
    elsewhere = [n for n in elsewhere if findings[n].seed is not None]
    slowest = sorted(findings, key=lambda number: -findings[number].seconds)[:10]
    for number in slowest:
        if findings[number].seconds >= 5:
            print(f"  {findings[number].seconds:5.0f} s  {faults[number]['name']}")
    if elsewhere and not is_recorded:
        print(f"{len(elsewhere)} of them not where they were found before; --record notes where they are found now")
    if is_recorded:
        names = {fault["name"] for fault in faults.values()}
        kept = {name: seed for name, seed in seeds.items() if name in names}
        new = {faults[n]["name"]: seed for n, finding in findings.items() if (seed := finding.seed) is not None}
        SEEDS.write_text(json.dumps(dict(sorted((kept | new).items())), indent=4, ensure_ascii=False) + "\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
