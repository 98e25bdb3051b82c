"""The control process: `python -m genaiops.app.control --settings FILE`.

Serves what is not a model call on a unix socket, folds the workers' spools into the telemetry, and publishes what was
written to the records. With `--prepare` it first does what has to be done before a start; with `--once` it ends then.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from genaiops.app import settings as settings_file
from genaiops.app.children import READY_OPTION
from genaiops.app.installation import write_atomically
from genaiops.app.lifeline import die_with_supervisor
from genaiops.app.memory import loading
from genaiops.app.reporting import configure_logging, run_reporting
from genaiops.app.settings import Settings


class Options(msgspec.Struct, frozen=True):
    settings: Path
    prepare: Path | None
    once: bool
    embedded: Mapping[str, str]
    ready: int | None


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m genaiops.app.control", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the settings in force, written by the supervisor")
    parser.add_argument("--prepare", type=Path, metavar="RESULT", help="prepare a start and write what was done")
    parser.add_argument("--once", action="store_true", help="with --prepare: end when that is done")
    parser.add_argument("--embedded", action="append", default=[], metavar="NAME=URL", help="a model server")
    parser.add_argument(READY_OPTION, type=int, dest="ready")
    given = parser.parse_args(arguments)
    embedded = dict(entry.split("=", 1) for entry in given.embedded)
    return Options(given.settings, given.prepare, given.once, embedded, given.ready)


def run(options: Options, settings: Settings) -> None:
    if options.prepare is not None:
        with loading():
            from genaiops.app.prepare import prepare

        write_atomically(options.prepare, msgspec.json.encode(prepare(settings, options.embedded)))
        if options.once:
            return
    with loading():
        from genaiops.app.control_loop import serve

    asyncio.run(serve(settings, options.ready))


def main(arguments: list[str]) -> int:
    die_with_supervisor()
    options = parse(arguments)
    settings = settings_file.load(options.settings)
    configure_logging(settings.log.level)
    return run_reporting(lambda: run(options, settings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
