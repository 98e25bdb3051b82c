"""`python -m genaiops.app.pulling NAME --home H`: pulls weights in a process of its own and prints its progress as
JSON lines, so that the supervisor can draw it and stop it at any moment."""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from genaiops.app.children import READY_OPTION
from genaiops.app.lifeline import die_with_supervisor
from genaiops.app.reporting import run_reporting
from genaiops.engines.weights import pull

_INTERVAL = 0.1


class Progress(msgspec.Struct, frozen=True):
    """Bytes; `total` None while it is not known."""

    done: int
    total: int | None
    phase: str


class _Printer:
    """Prints at most ten lines a second, and every change of phase."""

    def __init__(self) -> None:
        self._phase = ""
        self._next = 0.0

    def __call__(self, done: int, total: int | None, phase: str) -> None:
        now = time.monotonic()
        if phase != self._phase or now >= self._next or done == total:
            self._phase, self._next = phase, now + _INTERVAL
            sys.stdout.buffer.write(msgspec.json.encode(Progress(done, total, phase)) + b"\n")
            sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.pulling", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument(READY_OPTION, type=int, dest="ready")
    given = parser.parse_args(arguments)
    return run_reporting(lambda: pull(given.name, given.home, _Printer()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
