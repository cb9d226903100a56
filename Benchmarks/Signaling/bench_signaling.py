"""What a call, a message and a relayed signal cost, and how many calls and messages a second the server takes, beside a
floor of the same run.

Called by scripts/bench-signaling.sh, under scripts/with-postgres.sh. Every round measures the floor and then every
figure of every database, so that all of them meet the same noise; printed are medians over the rounds with their range.
Server, database and load generator share the machine. Relays touch no database, so they are measured on one alone, and
without what their calls cost.

The tables are Markdown.
"""

import argparse
import dataclasses
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

RELEASE = Path(".build/release")
TICKS = os.sysconf("SC_CLK_TCK")
# Limits that are meant for people.
SETTINGS = {
    "RINGBACK_SOCKETS_PER_ADDRESS": "100000",
    "RINGBACK_CALLS_INVITES_PER_MINUTE": "100000",
    "RINGBACK_QUOTAS_RINGS_PER_DAY": "1000000000",
    "RINGBACK_QUOTAS_MESSAGES_PER_DAY": "1000000000",
    "RINGBACK_QUOTAS_MESSAGE_BYTES_PER_DAY": "1000000000000",
    "RINGBACK_LOG_LEVEL": "error",
}
# A pair of users can send so much without reaching the limit of a socket, which is 100 commands a second.
CALLS_OF_PAIR = 6.0
MESSAGES_OF_PAIR = 80.0
# Both sides of a pair send.
RELAYS_OF_PAIR = 160.0
LOADS = ["calls", "messages", "candidates", "descriptions"]
# Each rung of the search for the highest rate is so much above the one before.
RUNG = 1.25


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What the load generator does, and what is said of it."""

    name: str
    piece: str
    rates: list[float]
    # The latency by which a rate is judged, and the bound of its 99th percentile in milliseconds.
    latency: str
    bound: float
    of_pair: float
    # What the load generator is called with, if not with the name alone.
    arguments: tuple[str, ...] = ()
    # Whether it writes rows; what does not is measured on one database, and its highest rate is not looked for.
    is_stored: bool = True


@dataclasses.dataclass
class Load:
    """One run of the load generator."""

    passed: bool
    p50: float
    p99: float
    # Processor time of each call, message or relay, in microseconds.
    server: float
    database: float
    generator: float
    errors: dict[str, int]


def processor_seconds(pid: int, *, with_children: bool = False) -> float:
    """The processor time of a process (proc(5), fields 14 to 17 of stat); 0 when it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if with_children else 13]) / TICKS


def query(url: str, text: str) -> str:
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", url, "--command", text]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Cluster:
    """The PostgreSQL cluster of the run."""

    def __init__(self, url: str):
        self.url = url
        folder = query(url, "SHOW data_directory")
        self._postmaster = int((Path(folder) / "postmaster.pid").read_text().split()[0])

    def processor_seconds(self) -> float:
        """Of all its processes, those that have ended included."""
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text().split()
        return processor_seconds(self._postmaster, with_children=True) + sum(
            processor_seconds(int(child)) for child in children
        )

    def make_database(self, name: str) -> str:
        query(self.url, f'CREATE DATABASE "{name}"')
        return self.url.rpartition("/")[0] + "/" + name


class Bench:
    """A server on a database of its own, with users who have tokens."""

    def __init__(self, engine: str, folder: Path, cluster: Cluster, pairs: int):
        self.engine = engine
        self.pairs = pairs
        self._folder = folder / engine
        self._folder.mkdir()
        self._cluster = cluster
        self._database = cluster.make_database("bench") if engine == "postgresql" else "sqlite:bench.sqlite"
        self._tokens = self._folder / "tokens"
        self._environment = os.environ | SETTINGS | {"RINGBACK_DATABASE": self._database}
        self._executable = (RELEASE / "ringback").resolve()

    def make_users(self) -> None:
        def token(number: int) -> str:
            name = f"bench-{number}"
            self._ringback("user", "create", name, standard_input="correct horse battery staple\n")
            return self._ringback("token", "create", "--seconds", "86400", name).strip()

        # The first start makes the schema and the key of the tokens.
        with self.running():
            pass
        with ThreadPoolExecutor(2) as pool:
            tokens = list(pool.map(token, range(2 * self.pairs)))
        self._tokens.write_text("\n".join(tokens) + "\n")

    def _ringback(self, *arguments: str, standard_input: str = "") -> str:
        command = [str(self._executable), *arguments]
        done = subprocess.run(
            command, input=standard_input, cwd=self._folder, env=self._environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            sys.exit(f"bench-signaling: {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    @contextmanager
    def running(self) -> Iterator["RunningServer"]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(self._executable), "serve", "--listen", f"127.0.0.1:{port}"]
        with (self._folder / "server.log").open("a") as log:
            process = subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            await_ready(address, process)
            cluster = self._cluster if self.engine == "postgresql" else None
            yield RunningServer(address, process.pid, self._tokens, cluster)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def await_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{address}/readyz", timeout=1):
                return
        except URLError:
            time.sleep(0.05)
    sys.exit("bench-signaling: the server did not start")


@dataclasses.dataclass(frozen=True)
class RunningServer:
    address: str
    pid: int
    tokens: Path
    cluster: Cluster | None

    def put_under(self, scenario: Scenario, rate: float, seconds: int, pairs: int) -> Load:
        """Runs the load generator against the server."""
        report = self.tokens.with_name("report.json")
        report.unlink(missing_ok=True)
        command = [str(RELEASE / "loadtest"), *(scenario.arguments or (scenario.name,))]
        command += ["--server", self.address, "--token-file", str(self.tokens)]
        if not scenario.is_stored:
            command += ["--pid", str(self.pid)]
        command += ["--rate", str(rate), "--seconds", str(seconds), "--json", str(report)]
        command += ["--pairs", str(min(pairs, max(4, round(rate / scenario.of_pair * 2))))]
        before = (processor_seconds(self.pid), self._database_seconds(), os.times().children_user)
        kernel = os.times().children_system
        done = subprocess.run(command, capture_output=True, text=True)
        if not report.exists():
            sys.exit(f"bench-signaling: {done.stderr}")
        found = json.loads(report.read_text())
        pieces = found["figures"]["completed"] or 1
        latency = found["latencies_ms"].get(scenario.latency) or {"p50": float("inf"), "p99": float("inf")}

        def microseconds(now: float, then: float) -> float:
            return (now - then) / pieces * 1e6

        load = Load(
            passed=done.returncode == 0 and latency["p99"] < scenario.bound,
            p50=latency["p50"],
            p99=latency["p99"],
            server=microseconds(processor_seconds(self.pid), before[0]),
            database=microseconds(self._database_seconds(), before[1]),
            generator=microseconds(os.times().children_user + os.times().children_system, before[2] + kernel),
            errors=found["errors"],
        )
        if not scenario.is_stored:
            # Of the relays alone, without the calls around them.
            load.server = found["figures"]["server_microseconds"]
            load.generator = found["figures"]["generator_microseconds"]
        return load

    def _database_seconds(self) -> float:
        return self.cluster.processor_seconds() if self.cluster else 0

    def highest_rate(self, scenario: Scenario, seconds: int, pairs: int) -> float:
        """The highest rate at which nothing is lost and the latency stays within its bound; 0 when there is none."""
        highest, rate = 0.0, scenario.rates[-1]
        while rate <= pairs * scenario.of_pair:
            # One bad moment of the machine is not the server's limit.
            if not any(self.put_under(scenario, rate, seconds, pairs).passed for _ in range(2)):
                break
            highest, rate = rate, rate * RUNG
        return highest


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Samples:
    """The figures of all rounds, by their names."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        self._values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self._values[name])

    def cell(self, name: str) -> str:
        values = self._values[name]
        return f"{shown(self.median(name))} ({shown(min(values))} to {shown(max(values))})"


def floor(cluster: Cluster, program: Path, seconds: int, samples: Samples) -> None:
    before = cluster.processor_seconds()
    done = subprocess.run([program, str(seconds), cluster.url], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    samples.add("floor rate", found["calls_per_second"])
    samples.add("floor client", found["client_us"])
    samples.add("floor database", (cluster.processor_seconds() - before) / found["calls"] * 1e6)


def measure(bench: Bench, scenarios: list[Scenario], options: argparse.Namespace, samples: Samples) -> None:
    with bench.running() as server:
        for scenario in scenarios:
            name = f"{bench.engine} {scenario.name}"
            # What is prepared once is not a sample.
            server.put_under(scenario, scenario.rates[0], 2, bench.pairs)
            for rate in scenario.rates:
                load = server.put_under(scenario, rate, options.seconds, bench.pairs)
                if load.errors:
                    print(f"{name} {rate:g}/s: {load.errors}", file=sys.stderr)
                for field in ("p50", "p99", "server", "database", "generator"):
                    samples.add(f"{name} {rate} {field}", getattr(load, field))
            if options.highest and scenario.is_stored:
                samples.add(f"{name} highest", server.highest_rate(scenario, options.seconds, bench.pairs))


def print_relays(engine: str, scenario: Scenario, samples: Samples) -> None:
    print(f"\n| {scenario.piece} | server | generator | {scenario.latency} p50, ms | p99 |")
    print("|---|---:|---:|---:|---:|")
    for rate in scenario.rates:
        fields = ("server", "generator", "p50", "p99")
        cells = [samples.cell(f"{engine} {scenario.name} {rate} {field}") for field in fields]
        print(f"| {engine}, {rate:g}/s | {' | '.join(cells)} |")


def print_tables(engines: list[str], scenarios: list[Scenario], options: argparse.Namespace, samples: Samples) -> None:
    floor_cost = samples.median("floor client") + samples.median("floor database")
    print(f"\nMedians of {options.rounds} rounds, with the least and the greatest. Times are of processors, in µs.\n")
    print("| rows of a call, by libpq alone | |\n|---|---:|")
    print(f"| calls/s on one connection | {samples.cell('floor rate')} |")
    print(f"| client, µs a call | {samples.cell('floor client')} |")
    print(f"| database, µs a call | {samples.cell('floor database')} |")
    for scenario in scenarios:
        if not scenario.is_stored:
            print_relays(engines[0], scenario, samples)
            continue
        columns = ["server", "database", "generator", "of the floor", f"{scenario.latency} p50, ms", "p99"]
        print(f"\n| {scenario.piece} | {' | '.join(columns)} |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for engine in engines:
            for rate in scenario.rates:
                name = f"{engine} {scenario.name} {rate}"
                cost = samples.median(f"{name} server") + samples.median(f"{name} database")
                cells = [samples.cell(f"{name} {field}") for field in ("server", "database", "generator")]
                cells.append(f"{cost / floor_cost:.1f}")
                cells += [samples.cell(f"{name} {field}") for field in ("p50", "p99")]
                print(f"| {engine}, {rate:g}/s | {' | '.join(cells)} |")
        if options.highest:
            print(f"\n| highest rate with p99 below {scenario.bound:g} ms | {scenario.piece}/s |\n|---|---:|")
            for engine in engines:
                print(f"| {engine} | {samples.cell(f'{engine} {scenario.name} highest')} |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-signaling", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--floor", type=Path, required=True, help="the built call-rows")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--seconds", type=int, default=8, help="how long one measurement lasts (8)")
    parser.add_argument("--pairs", type=int, default=128, help="how many pairs of users there are (128)")
    parser.add_argument("--database", action="append", choices=["postgresql", "sqlite"], help="only these databases")
    parser.add_argument("--scenario", action="append", choices=LOADS, help="only these loads")
    parser.add_argument("--no-highest", dest="highest", action="store_false", help="do not look for the highest rates")
    return parser.parse_args()


def relay(name: str, piece: str, rate: float, *arguments: str) -> Scenario:
    return Scenario(name, piece, [rate], "relay_delivery", 50, RELAYS_OF_PAIR, ("relay", *arguments), is_stored=False)


def main() -> None:
    options = parse()
    cluster = Cluster(os.environ["RINGBACK_TEST_POSTGRES"])
    engines = options.database or ["postgresql", "sqlite"]
    scenarios = [
        Scenario("calls", "calls", [100.0, 200.0], "invite_ring", 50, CALLS_OF_PAIR),
        Scenario("messages", "messages", [1000.0], "send_delivery", 200, MESSAGES_OF_PAIR),
        relay("candidates", "relay of a candidate, 400 bytes", 6000.0, "--bytes", "400"),
        relay("descriptions", "relay of a description, 3 KiB", 4000.0, "--descriptions", "--bytes", "3072"),
    ]
    scenarios = [scenario for scenario in scenarios if scenario.name in (options.scenario or [scenario.name])]
    folder = Path(tempfile.mkdtemp(prefix="ringback-bench-"))
    try:
        # No socket may reach its limit.
        needed = [math.ceil(rate / scenario.of_pair) for scenario in scenarios for rate in scenario.rates]
        benches = [Bench(engine, folder, cluster, max(options.pairs, *needed)) for engine in engines]
        for bench in benches:
            print(f"Making {2 * bench.pairs} users on {bench.engine}.", file=sys.stderr)
            bench.make_users()
        samples = Samples()
        for number in range(1, options.rounds + 1):
            print(f"Round {number} of {options.rounds}.", file=sys.stderr)
            floor(cluster, options.floor, options.seconds, samples)
            for bench in benches:
                measured = [scenario for scenario in scenarios if scenario.is_stored or bench is benches[0]]
                measure(bench, measured, options, samples)
        print_tables(engines, scenarios, options, samples)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
