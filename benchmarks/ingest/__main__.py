"""`python -m benchmarks.ingest`: spans of 2 KB that are taken and stored, by genaiops, Phoenix and MLflow.

Requests of 500 spans by OTLP/HTTP in protobuf. `speed`: sent as fast as they are answered; stored is what is in the
server's database. `kill`: SIGKILL in the middle, and what of the answered spans is there after a new start. `gateway`
(ours alone): what ingest costs calls of models on the same cores. Every round has an empty server.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence

import msgspec

from benchmarks.gateway.machine import BenchmarkError, describe
from benchmarks.ingest.measures import MEASURES, Measured, Options, applies, measure
from benchmarks.ingest.results import Results, table
from benchmarks.ingest.subjects import PEERS, Ours, Subject


class Plan(msgspec.Struct, frozen=True):
    measures: tuple[str, ...]
    peers: tuple[str, ...]
    rounds: int
    as_json: bool
    options: Options


def parse(arguments: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty for none")
    parser.add_argument("--only", default=",".join(MEASURES), help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spans", type=int, default=Options().spans, help="a round")
    parser.add_argument("--clients", type=int, default=Options().clients, help="connections that send")
    parser.add_argument("--settle", type=float, default=Options().settle, help="seconds for what is not stored yet")
    parser.add_argument("--json", action="store_true", dest="as_json", help="every round as JSON")
    given = parser.parse_args(arguments)
    peers = _chosen(parser, given.peers, PEERS)
    measures = _chosen(parser, given.only, MEASURES)
    if given.spans < 2000 or given.rounds < 1 or given.clients < 1 or not measures:
        parser.error("at least 2000 spans, one round, one client and one measure")
    options = Options(spans=given.spans, clients=given.clients, settle=given.settle)
    return Plan(measures, peers, given.rounds, given.as_json, options)


def _chosen(parser: argparse.ArgumentParser, text: str, known: Iterable[str]) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    there = list(known)
    wrong = [name for name in names if name not in there]
    if wrong:
        parser.error(f"{', '.join(wrong)}: not one of {', '.join(there)}")
    return names


def count(plan: Plan) -> Results:
    """Round by round, every subject once in each, so that other work on the machine meets all of them alike."""
    subjects: list[type[Subject]] = [Ours, *(PEERS[name] for name in plan.peers)]
    results = Results(describe(), {one.name: one.setup for one in subjects}, [], {})
    for number in range(plan.rounds):
        for name in plan.measures:
            for kind in subjects:
                if applies(name, kind) and kind.name not in results.missing:
                    _add(results, name, kind, plan.options, f"round {number + 1}")
    return results


def _add(results: Results, name: str, kind: type[Subject], options: Options, title: str) -> None:
    try:
        found: Measured = measure(name, kind, options)
    except (BenchmarkError, subprocess.SubprocessError) as error:
        if kind is Ours:
            raise
        results.missing[kind.name] = str(error)
        return
    print(f"{title}: {kind.name}, {name}: {found.figures}", file=sys.stderr)
    results.rounds.append(found)


def main(arguments: Sequence[str]) -> int:
    plan = parse(arguments)
    try:
        results = count(plan)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 3
    print(msgspec.json.format(msgspec.json.encode(results)).decode() if plan.as_json else table(results))
    lost = sum(one.figures.get("lost", 0) for one in results.rounds if one.subject == Ours.name)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
