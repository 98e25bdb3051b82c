"""`python -m benchmarks.arena`: what a suite costs beside the calls that it makes, and how fast runs are read.

`runner`: the same cases, by genaiops, promptfoo and DeepEval, against a target that echoes. Each is run with few cases
and with many; what a case costs is the difference, so that nobody's start counts. `reading` (ours alone): from a run of
ten thousand cases to what its gate says and the first page of cases, and two runs beside each other. CPU time, because
other work on the machine does not count in it; seconds stand beside. `python -m benchmarks.arena gates` simulates how
often gates are wrong, `... experiments` how often experiments are, `... corrected` how often margins
and levels by judges are; `... judges WHEEL` holds judges against people;
`benchmarks.arena.rouge` times ROUGE.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.arena import corrected, experiments, gates, judges
from benchmarks.arena.reading import read
from benchmarks.arena.subjects import PEERS, Ours, Subject
from benchmarks.gateway.machine import BenchmarkError, describe
from benchmarks.guardrails.report import as_text, write

MEASURES = ("runner", "reading")
FEW = 100
CPU_BAR_MS = 1.0
RATIO_BAR = 5.0
READING_BAR_MS = 300.0


class Plan(msgspec.Struct, frozen=True):
    measures: tuple[str, ...]
    peers: tuple[str, ...]
    rounds: int
    cases: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one round. A case: the difference of many and few. `whole_s`: of all cases, with the start."""

    cpu_ms: float
    cases_per_s: float
    cases_per_cpu_s: float
    whole_s: float
    whole_cpu_s: float


def parse(arguments: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=2000, help="of the runner; the run that is read has 10,000")
    given = parser.parse_args(arguments)
    peers = tuple(name for name in given.peers.split(",") if name)
    for name, known in (*((name, MEASURES) for name in given.only), *((name, tuple(PEERS)) for name in peers)):
        if name not in known:
            parser.error(f"{name}: not one of {', '.join(known)}")
    if given.cases < 2 * FEW or given.rounds < 1:
        parser.error(f"at least {2 * FEW} cases and one round")
    return Plan(tuple(given.only) or MEASURES, peers, given.rounds, given.cases)


@contextmanager
def echo() -> Generator[int]:
    """The port of a target that echoes, as long as it is used."""
    command = [sys.executable, str(Path(__file__).with_name("echo.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            if server.stdout is None:
                raise BenchmarkError("The echo target said no port.")
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def measured(kind: type[Subject], folder: Path, port: int, cases: int) -> Figures:
    """BenchmarkError when it cannot be measured."""
    few = kind(folder / "few", port, FEW).run()
    many = kind(folder / "many", port, cases).run()
    more = cases - FEW
    cpu, wall = max(1e-9, many.cpu_s - few.cpu_s), max(1e-9, many.wall_s - few.wall_s)
    return Figures(
        cpu_ms=cpu / more * 1000,
        cases_per_s=more / wall,
        cases_per_cpu_s=more / cpu,
        whole_s=many.wall_s,
        whole_cpu_s=many.cpu_s,
    )


def run_all(plan: Plan) -> dict[str, list[Figures]]:
    """Round by round, every subject once in each, so that other work meets all of them alike."""
    found: dict[str, list[Figures]] = {}
    missing: dict[str, str] = {}
    for number in range(plan.rounds):
        for kind in (Ours, *(PEERS[name] for name in plan.peers)):
            if kind.name in missing:
                continue
            with echo() as port, tempfile.TemporaryDirectory(prefix="genaiops-arena-") as folder:
                try:
                    one = measured(kind, Path(folder), port, plan.cases)
                except (BenchmarkError, subprocess.SubprocessError) as error:
                    if kind is Ours:
                        raise
                    missing[kind.name] = str(error)
                    continue
            print(f"round {number + 1}: {kind.name}: {one}", file=sys.stderr)
            found.setdefault(kind.name, []).append(one)
    for name, why in missing.items():
        print(f"{name} could not be measured: {why}")
    return found


def table(found: dict[str, list[Figures]]) -> str:
    """Medians; in brackets how many times ours a case of a peer takes."""
    names = list(found)
    ours = found[Ours.name]
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for field, title, falls in (
        ("cpu_ms", "CPU a case, ms", True),
        ("cases_per_cpu_s", "cases a second of CPU", False),
        ("cases_per_s", "cases a second", False),
        ("whole_cpu_s", "all cases with the start, s of CPU", True),
        ("whole_s", "all cases with the start, s", True),
    ):
        mine = _middle(ours, field)
        cells: list[str] = []
        for name in names:
            value = _middle(found[name], field)
            times = (value / mine if falls else mine / value) if value else 0.0
            cells.append(f"{value:,.3g}" if name == Ours.name else f"{value:,.3g} ({times:.1f}x)")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _middle(rounds: Sequence[Figures], field: str) -> float:
    return statistics.median(getattr(one, field) for one in rounds)


def missed(found: dict[str, list[Figures]]) -> list[str]:
    """Bars that do not hold."""
    mine = _middle(found[Ours.name], "cpu_ms")
    said = [f"{mine:.2f} ms of CPU a case; the bar is {CPU_BAR_MS:g}"] if mine > CPU_BAR_MS else []
    for name, rounds in found.items():
        ratio = _middle(rounds, "cpu_ms") / mine
        if name != Ours.name and ratio < RATIO_BAR:
            said.append(f"{name} takes {ratio:.1f} times as much a case; the bar is {RATIO_BAR:g}")
    return said


SIMULATED = {
    "gates": (gates, "how often a gate passes what it should not, fails what it should not, and decides"),
    "experiments": (
        experiments,
        "how often an experiment finds what is not there, and what is, at any look",
    ),
    "corrected": (corrected, "how often a margin or a level by a judge, corrected by labels, is wrong, and decides"),
    "judges": (judges, "how far metrics and judges agree with people"),
}


def simulate(name: str, arguments: Sequence[str]) -> int:
    simulation, title = SIMULATED[name]
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.arena {name}", description=title)
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    simulation.options(parser)
    given = parser.parse_args(arguments)
    report = simulation.measure(given)
    print(as_text(report))
    if given.json is not None:
        write(report, given.json)
    return 0


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in SIMULATED:
        return simulate(arguments[0], arguments[1:])
    plan = parse(arguments)
    print("\n".join(f"{name}: {value}" for name, value in describe().items()))
    bad: list[str] = []
    try:
        if "runner" in plan.measures:
            for kind in (Ours, *(PEERS[name] for name in plan.peers)):
                print(f"{kind.name}: {kind.setup}")
            found = run_all(plan)
            print(f"\nrunner, {plan.cases} cases, medians of {plan.rounds} rounds\n\n{table(found)}\n")
            bad += missed(found)
        if "reading" in plan.measures:
            steps = read(rounds=plan.rounds)
            print("\nreading, 10,000 cases of two targets, median ms of CPU\n")
            print("\n".join(f"| {name} | {ms:.0f} |" for name, ms in steps.items()))
            bad += [
                f"{name}: {ms:.0f} ms; the bar is {READING_BAR_MS:g}"
                for name, ms in steps.items()
                if name.startswith("comparison") and ms > READING_BAR_MS
            ]
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 3
    print("\n".join(f"missed: {one}" for one in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
