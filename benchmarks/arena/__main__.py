"""`python -m benchmarks.arena NAME`: simulate, print tables; `--json FILE` keeps the figures."""

import argparse
from pathlib import Path

from benchmarks.arena import gates
from benchmarks.guardrails.report import as_text, write


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    title = "how often a gate passes what it should not, fails what it should not, and decides"
    command = commands.add_parser("gates", help=title, description=title)
    command.add_argument("--json", type=Path, help="keep the figures in this file")
    gates.options(command)
    given = parser.parse_args(arguments)
    report = gates.measure(given)
    print(as_text(report))
    if given.json is not None:
        write(report, given.json)


if __name__ == "__main__":
    main()
