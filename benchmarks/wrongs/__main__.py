"""`python -m benchmarks.wrongs`: each case against genaiops and its peers, as a table."""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.wrongs.case import Case, Finding, Gateway, Unsupported
from benchmarks.wrongs.cases import CASES
from benchmarks.wrongs.litellm import LiteLLM
from benchmarks.wrongs.results import Results, Side, table
from benchmarks.wrongs.subject import Genaiops
from benchmarks.wrongs.upstream import Upstream

Begin = Callable[[Path, Upstream, Sequence[Case]], contextlib.AbstractContextManager[Gateway]]

PEERS: Mapping[str, Begin] = {"litellm": LiteLLM}


class Options(msgspec.Struct, frozen=True):
    cases: tuple[Case, ...]
    peers: tuple[str, ...]
    as_json: bool
    subject: bool = True


def parse(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wrongs", description=__doc__)
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty for none")
    parser.add_argument("--only", default="", help="cases whose name begins so, with commas")
    parser.add_argument("--json", action="store_true", dest="as_json", help="the findings as JSON")
    given = parser.parse_args(arguments)
    peers = tuple(name for name in given.peers.split(",") if name)
    unknown = [name for name in peers if name not in PEERS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not one of {', '.join(PEERS)}")
    beginnings = tuple(name for name in given.only.split(",") if name)
    cases = tuple(case for case in CASES if not beginnings or case.name.startswith(beginnings))
    if not cases:
        parser.error(f"{given.only}: no case begins so")
    return Options(cases, peers, given.as_json)


def count(options: Options) -> Results:
    """Every case against every gateway, one at a time."""
    results = Results(date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), cases=list(options.cases))
    folder = Path(tempfile.mkdtemp(prefix="genaiops-wrongs-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        upstream = stack.enter_context(Upstream())
        for case in options.cases:
            for target in case.targets:
                upstream.script(target.name, target.script)
        begins: list[tuple[str, Begin]] = [("genaiops", Genaiops), *((name, PEERS[name]) for name in options.peers)]
        for name, begin in begins:
            try:
                with begin(folder / name, upstream, options.cases) as gateway:
                    side = Side(gateway.name, gateway.version, gateway.setup)
                    results.sides.append(side)
                    for case in options.cases:
                        side.findings[case.name] = _found(case, gateway)
            except (BenchmarkError, subprocess.SubprocessError, OSError) as error:
                if name == "genaiops":
                    raise
                results.missing[name] = str(error)
    return results


def _found(case: Case, gateway: Gateway) -> Finding:
    gateway.upstream.reset()
    try:
        finding = case.check(gateway)
    except Unsupported as why:
        finding = Finding(why.word, str(why))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # An answer of a form that the case did not expect: somebody has to look, and the others go on.
        finding = Finding("unclear", f"an answer of another form: {error!r}")
    print(f"{gateway.name:9} {case.name:28} {finding.word:8} {finding.seen}", file=sys.stderr, flush=True)
    return finding


def main(arguments: Sequence[str]) -> int:
    """0 when genaiops is right everywhere, 1 when not, 3 when it could not be run."""
    options = parse(arguments)
    try:
        results = count(options)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    print(msgspec.json.format(msgspec.json.encode(results.document())).decode() if options.as_json else table(results))
    return 1 if results.sides[0].count("wrong") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
