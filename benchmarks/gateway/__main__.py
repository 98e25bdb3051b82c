"""`python -m benchmarks.gateway`: measure, print tables, write a results file."""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.gateway.endpoint import Endpoint
from benchmarks.gateway.endurance import ONCE
from benchmarks.gateway.load import Mock, Tools
from benchmarks.gateway.machine import BenchmarkError, describe, gateway_core
from benchmarks.gateway.measures import QUICK, ROUNDS, Sizes, stream_digest, warm_up
from benchmarks.gateway.peers import PEERS, Direct
from benchmarks.gateway.results import Gateway, Results, as_document, tables
from benchmarks.gateway.subject import Genaiops
from benchmarks.gateway.traffic import KEPT, SHORT, paced

LONGEST_SECONDS = 7200


class Options(msgspec.Struct, frozen=True):
    measures: tuple[str, ...]
    peers: tuple[str, ...]
    sizes: Sizes
    results: Path
    show: bool
    counters: str = ""


def parse(arguments: list[str]) -> Options:
    names = (*ROUNDS, *ONCE)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that it runs; no figures to quote")
    parser.add_argument("--rounds", type=int, help=f"how often each measure is taken [{Sizes().rounds}]")
    parser.add_argument("--only", default=",".join(names), help=f"measures, of {', '.join(names)}")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty for none")
    parser.add_argument("--results", type=Path, default=Path("build/benchmarks/gateway.json"), help="a JSON file")
    parser.add_argument("--show", action="store_true", help="measure nothing, print the tables of the results file")
    parser.add_argument(
        "--counters", default="", help="where genaiops shares its counters: redis://HOST:PORT/NUMBER [a file]"
    )
    given = parser.parse_args(arguments)
    measures, peers = _listed(given.only), _listed(given.peers)
    for word, known in ((measures, names), (peers, tuple(PEERS))):
        unknown = [name for name in word if name not in known]
        if unknown:
            parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    sizes = QUICK if given.quick else Sizes()
    if given.rounds:
        sizes = msgspec.structs.replace(sizes, rounds=given.rounds)
    return Options(measures, peers, sizes, given.results, given.show, given.counters)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def measure(options: Options) -> Results:
    gateway_core()
    results = Results(machine=describe(), sizes={})
    folder = Path(tempfile.mkdtemp(prefix="genaiops-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tools = stack.enter_context(Tools())
        mock = stack.enter_context(Mock(tools, LONGEST_SECONDS))
        direct = Direct(mock.port)
        sizes = msgspec.structs.replace(options.sizes, stream_digest=stream_digest(tools, direct, options.sizes))
        results.sizes = {key: value for key, value in msgspec.structs.asdict(sizes).items() if key != "stream_digest"}
        shapes = (SHORT, paced(sizes.chunks))
        subject = stack.enter_context(Genaiops(folder, mock.port, (*shapes, KEPT), counters=options.counters))
        endpoints: list[Endpoint] = [direct, subject]
        for name in options.peers:
            try:
                endpoints.append(stack.enter_context(PEERS[name](folder / name, mock.port, shapes)))
            except (BenchmarkError, subprocess.SubprocessError, OSError) as error:
                results.missing[name] = str(error)
                _say(f"{name} is left out: {error}")
        results.gateways = [Gateway(each.name, each.version, each.setup) for each in endpoints]
        for endpoint in endpoints:
            warm_up(tools, endpoint, sizes)
        for number in range(sizes.rounds):
            _round(options, tools, endpoints, sizes, results)
            _say(f"round {number + 1} of {sizes.rounds} is done")
            _write(options.results, results)
        for name in options.measures:
            if name in ONCE:
                _say(name)
                results.once[name] = ONCE[name](tools, subject, sizes)
                _write(options.results, results)
    return results


def _round(options: Options, tools: Tools, endpoints: list[Endpoint], sizes: Sizes, results: Results) -> None:
    """Each measure of every gateway, one right after the other, so that they meet the same machine."""
    for name in options.measures:
        if name not in ROUNDS:
            continue
        for endpoint in endpoints:
            try:
                figures = ROUNDS[name](tools, endpoint, sizes)
            except BenchmarkError as error:
                results.failures.append(f"{name} of {endpoint.name}: {error}")
                _say(results.failures[-1])
                continue
            results.rounds.setdefault(name, {}).setdefault(endpoint.name, []).append(figures)
            _say(f"{name:8} {endpoint.name:11} " + "  ".join(f"{key} {value:.1f}" for key, value in figures.items()))


def _write(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(as_document(results))) + b"\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.show:
        print(tables(msgspec.json.decode(options.results.read_bytes(), type=Results)))
        return 0
    try:
        results = measure(options)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(tables(results))
    _say(f"The results are in {options.results}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
