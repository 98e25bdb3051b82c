"""A run as lines of JSON, each with its `type`: one `report`, then each `condition`, `corpus` figure and `case`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from genaiops.arena.reports._reported import Reported, statement


def jsonl(said: Reported) -> str:
    """A line ends with a newline, the last too. Nothing of the run is left out."""
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in _lines(said))


def _lines(said: Reported) -> Iterator[dict[str, Any]]:
    yield {"type": "report", **statement(said)}
    for line in said.report.lines:
        yield {"type": "condition", **msgspec.to_builtins(line)}
    for each in said.corpus:
        yield {"type": "corpus", **msgspec.to_builtins(each)}
    for case in said.cases:
        yield {
            "type": "case",
            "case": case,
            "answers": [each for target in said.targets for each in said.answers.get((target, case.id), ())],
            "judged": [each for target in said.targets for each in said.judged.get((target, case.id), ())],
        }
