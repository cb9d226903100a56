"""Runs the Autobahn test suite's fuzzing client against the echo of a server that it starts itself.

run.py RESULTS [PYTHON2.7]: the suite's reports go to RESULTS/autobahn, what became of each case to
RESULTS/conformance.json. Without a Python 2.7 nothing is run, and that is what the file says. The exit code is 1 when a
case failed.
"""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUITE = PROJECT / ".autobahn"
# Added as a site, not only to the path: zope.interface lies in pieces that only a site's .pth files put together.
WSTEST = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; sys.exit(run())"
AGENT = "Ringback"
# Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing (1 to 7), long messages and many fragments (9),
# and what only some machines get wrong (10). Not 12 and 13: compression is not negotiated.
SECTIONS = ["1", "2", "3", "4", "5", "6", "7", "9", "10"]
# A suite that runs fewer cases than it has is a broken one.
CASES = 301
# NON-STRICT is allowed by the standard; INFORMATIONAL only tells what an implementation does.
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
START_SECONDS = 30
SUITE_SECONDS = 900


@contextlib.contextmanager
def server(log: Path) -> Iterator[str]:
    """A server with an echo on a free port; gives the echo's URL. It must end in good order."""
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as errors:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
        own = {"RINGBACK_TOKEN_KEY_FILE": f"{folder}/token.key", "RINGBACK_STUN_LISTEN": "off"}
        program, database = PROJECT / ".build/debug/ringback", f"sqlite:{folder}/ringback.sqlite"
        process = subprocess.Popen(
            [program, "serve", "--echo", "--listen", "127.0.0.1:0", "--database", database],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=inherited | own,
        )
        try:
            yield f"ws://{address(process, log)}/v1/echo"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
    if code != 0:
        sys.exit(f"error: the server ended with {code}; what it said is in {log}")


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the server listens, once it says so."""
    assert process.stdout
    text, deadline = b"", time.monotonic() + START_SECONDS
    while (rest := deadline - time.monotonic()) > 0 and process.poll() is None:
        if not select.select([process.stdout], [], [], min(rest, 1))[0]:
            continue
        text += os.read(process.stdout.fileno(), 4096)
        if found := re.search(rb"Ringback is ready: http://(\S+)\n", text):
            return found[1].decode()
    sys.exit(f"error: the server is not ready; what it said is in {log}")


def fuzz(python: str, url: str, reports: Path) -> dict[str, dict[str, str]]:
    """Runs the suite. Gives what became of each case: its `behavior`, and how the connection was closed."""
    reports.mkdir(parents=True, exist_ok=True)
    index, spec = reports / "index.json", reports / "spec.json"
    index.unlink(missing_ok=True)
    spec.write_text(
        json.dumps(
            {
                "outdir": str(reports),
                "servers": [{"agent": AGENT, "url": url}],
                "cases": [f"{section}.*" for section in SECTIONS],
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    with (reports / "wstest.log").open("wb") as log:
        done = subprocess.run(
            [python, "-B", "-c", WSTEST, SUITE, "--mode", "fuzzingclient", "--spec", spec],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=SUITE_SECONDS,
        )
    if done.returncode != 0 or not index.exists():
        sys.exit(f"error: the suite broke off with {done.returncode}; what it said is in {log.name}")
    cases: dict[str, dict[str, str]] = json.loads(index.read_text())[AGENT]
    return cases


def outcome(case: dict[str, str]) -> str:
    """What became of a case in one word; how the connection was closed counts, too."""
    return next((word for word in (case["behavior"], case["behaviorClose"]) if word not in PASSED), case["behavior"])


def natural(name: str) -> list[int]:
    return [int(part) for part in name.split(".")]


def main(results: Path, python: str) -> int:
    results.mkdir(parents=True, exist_ok=True)
    record = results / "conformance.json"
    if not python:
        reason = "there is no Python 2.7 with pip, which the Autobahn test suite needs"
        print(f"Conformance was not tested: {reason}. `pyenv install 2.7.18` would bring one.")
        record.write_text(json.dumps({"skipped": reason}))
        return 0
    reports = results / "autobahn"
    began = time.monotonic()
    with server(results / "conformance-server.log") as url:
        print(f"Autobahn test suite, sections {', '.join(SECTIONS)}, against {url}.", flush=True)
        cases = fuzz(python, url, reports)
    outcomes = {name: outcome(cases[name]) for name in sorted(cases, key=natural)}
    record.write_text(json.dumps({"cases": outcomes}, indent=1))

    def of(word: str) -> list[str]:
        return [name for name, found in outcomes.items() if found == word]

    failed = {name: found for name, found in outcomes.items() if found not in PASSED}
    for title, names in (("Non-strict", of("NON-STRICT")), ("Informational", of("INFORMATIONAL"))):
        if names:
            print(f"{title}: {', '.join(names)}")
    for name, found in failed.items():
        print(f"FAILED {name}: {found}, see {reports / cases[name]['reportfile']}")
    print(
        f"{len(outcomes)} cases: {len(of('OK'))} passed, {len(of('NON-STRICT'))} non-strict, "
        f"{len(of('INFORMATIONAL'))} informational, {len(failed)} failed, in {time.monotonic() - began:.0f} s"
    )
    if len(outcomes) != CASES:
        print(f"error: the suite has {CASES} cases in these sections, not {len(outcomes)}")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else ""))
