"""`python -m benchmarks.guardrails NAME`: measure one detector, print tables; `--json FILE` keeps the figures.

Each name is a module of this package with two functions: `options(parser)` adds its flags, `measure(given)` answers
with a Report.
"""

import argparse
import importlib
from pathlib import Path
from typing import Final

from benchmarks.gateway.machine import BenchmarkError
from benchmarks.guardrails.report import Report, as_text, write
from genaiops.core.errors import GenaiopsError

NAMES: Final = {
    "pii": "personal data by its form: recall and precision, beside Presidio",
    "names": "names of people, places and organisations: recall and precision, beside Presidio",
    "subjects": "languages by length of the text, and topics: recall and false alarms",
    "secrets_in_place": "keys where they stand in life: recall, beside Kingfisher, detect-secrets and CredSweeper",
    "secrets": "texts that expressions of others make, and harmless ones: recall and false alarms",
    "classifiers": "what a KB costs the guard server: fresh, again, in conversations",
    "pieces": "bad texts among calm ones: judged as a whole, and by the pieces of a stream",
    "peers": "what LLM Guard and NeMo Guardrails find without a model, beside ours",
    "garak": "garak's attacks on a gateway: what succeeds under which policy, and false alarms",
    "forms": "markup, code, unseen characters, and leaks of the system prompt: recall and false alarms",
    "encodings": "what the classifiers say of encoded attacks, and of harmless encoded questions",
    "refusal": "refusals and answers that people labelled",
    "grounding": "sentences that a passage supports, told from others",
    "facts": "claims held against passages: verdicts, and how well their probability fits",
    "verbatim": "what indexing documents and looking texts up costs",
    "latency": "what scanning costs, and how much of a stream it holds back",
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, title in NAMES.items():
        command = commands.add_parser(name, help=title, description=title)
        command.add_argument("--json", type=Path, help="keep the figures in this file")
        importlib.import_module(f"benchmarks.guardrails.{name}").options(command)
    given = parser.parse_args(arguments)
    try:
        report: Report = importlib.import_module(f"benchmarks.guardrails.{given.name}").measure(given)
    except (BenchmarkError, GenaiopsError) as error:
        parser.exit(3, f"error: {error}\n")
    print(as_text(report))
    if given.json is not None:
        write(report, given.json)


if __name__ == "__main__":
    main()
