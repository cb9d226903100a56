#!/usr/bin/env python3
"""Summarizes the results folder of scripts/test.sh.

Prints the time and result of each step, what failed, what was skipped and why; then one line,
"N passed, N failed[, N skipped]".
A step without tests counts as one. A step with tests counts each test, plus one failure if it stopped early or ran no
test. The exit code is 1 when anything failed.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Count:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, other: "Count") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    @property
    def total(self) -> int:
        return self.passed + len(self.failed) + len(self.skipped)


def swift_testing(path: Path) -> Count:
    """Reads the event stream of Swift Testing, which, unlike its xUnit file, knows of cancelled tests."""
    count = Count()
    tests, started, ended, broken, skipped, cancelled = {}, [], set(), set(), {}, []
    # Only \n ends a line: arguments of tests may hold what Unicode, and splitlines, take for line ends.
    for line in path.read_text().split("\n"):
        if not line:
            continue
        record = json.loads(line)
        payload = record["payload"]
        if record["kind"] == "test":
            if payload["kind"] == "function":
                tests[payload["id"]] = payload["id"].split("/Tests/")[0].rsplit("/", 1)[0]
            continue
        test, text = payload.get("testID"), " ".join(message["text"] for message in payload.get("messages", []))
        match payload["kind"]:
            case "testStarted":
                started.append(test)
            case "testEnded":
                ended.add(test)
                if test in skipped:
                    skipped[test] = text
            case "testSkipped" | "testCancelled":
                skipped[test] = text
            case "testCaseCancelled":
                cancelled.append(test)
            case "issueRecorded" if payload["issue"].get("isFailure", True):
                broken.add(test or text)
    for test, name in tests.items():
        if test in broken:
            count.failed.append(name)
        elif test in skipped:
            count.skipped.append(skipped[test] or name)
        elif test in ended:
            count.passed += 1
        elif test in started:
            count.failed.append(f"{name} began and did not end")
    count.failed += [f"outside of a test: {issue}" for issue in broken if issue not in tests]
    count.skipped += [f"a case of {tests.get(test, test)} was cancelled" for test in cancelled if test not in skipped]
    return count


def tap(path: Path) -> Count:
    """Reads the TAP of node's test runner. Each result is followed by a block that says whether it is a suite."""
    count = Count()
    result = re.compile(r"^ *(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)(.*))?$")
    pending = None
    for line in path.read_text().splitlines():
        if match := result.match(line):
            pending = match
        elif re.match(r"^ *type: 'suite'", line):
            pending = None
        elif line.strip() == "..." and pending:
            failed, name, directive, reason = pending.groups()
            pending = None
            if directive:
                count.skipped.append(f"{name}: {(reason or directive).strip()}")
            elif failed:
                count.failed.append(name)
            else:
                count.passed += 1
    return count


def junit(path: Path) -> Count:
    """Reads the JUnit file of pytest."""
    count = Count()
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed.append(name)
        elif skip is not None:
            count.skipped.append(f"{name}: {skip.get('message', '')}")
        else:
            count.passed += 1
    return count


def conformance(path: Path) -> Count:
    """Reads what Tests/Conformance/run.py found of each case."""
    count = Count()
    record = json.loads(path.read_text())
    if "skipped" in record:
        count.skipped.append(f"WebSocket conformance: {record['skipped']}")
    for case, found in record.get("cases", {}).items():
        if found in {"OK", "NON-STRICT", "INFORMATIONAL"}:
            count.passed += 1
        else:
            count.failed.append(f"Autobahn case {case}: {found}")
    return count


REPORTS = {
    "swift": ("swift.jsonl", swift_testing),
    "node": ("node.tap", tap),
    "conformance": ("conformance.json", conformance),
    "interop": ("interop.xml", junit),
}
# Steps that may have nothing to run on a machine, and then say why.
OPTIONAL = {"conformance"}


def count_step(results: Path, name: str, status: str) -> Count:
    if not status.isdigit():
        return Count(failed=[f"step {name}: {status}"])
    if name not in REPORTS:
        return Count(passed=1) if status == "0" else Count(failed=[f"step {name}"])
    file, read = REPORTS[name]
    try:
        count = read(results / file)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        return Count(failed=[f"step {name}: its report can't be read: {error}"])
    if count.passed + len(count.failed) == 0 and not (name in OPTIONAL and count.skipped):
        count.failed.append(f"step {name}: no test ran")
    elif status != "0" and not count.failed:
        count.failed.append(f"step {name}: exit code {status} though no test failed")
    return count


def in_words(count: Count) -> str:
    words = f"{count.passed} passed, {len(count.failed)} failed"
    return words + (f", {len(count.skipped)} skipped" if count.skipped else "")


def clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def main(results: Path) -> int:
    total, seconds, table = Count(), 0, [("step", "time", "result")]
    for line in (results / "steps.tsv").read_text().splitlines():
        name, took, status = line.split("\t")
        count = count_step(results, name, status)
        table.append((name, clock(int(took)), in_words(count)))
        total.add(count)
        seconds += int(took)
    table.append(("all", clock(seconds), ""))
    for name, took, result in table:
        print(f"{name:12} {took:>6}   {result}".rstrip())
    for title, names in (("Skipped", total.skipped), ("Failed", total.failed)):
        if names:
            print(f"{title}:")
            for name in sorted(set(names)):
                times = names.count(name)
                print(f"  {name}" + (f" ({times} times)" if times > 1 else ""))
    print(in_words(total))
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
