"""A run as lines of JSON, each with its `type`: one `report`, then each `condition`, `kpi`, `policy`, `spend`, `gain`,
`corpus` figure and `case`."""

from collections.abc import Iterator
from typing import Any

import msgspec

from genaiops.arena.reports._reported import Reported, statement
from genaiops.arena.reports._value import gains, policies, spends


def jsonl(said: Reported) -> str:
    """A line ends with a newline, the last too. Nothing of the run is left out."""
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in _lines(said))


def _lines(said: Reported) -> Iterator[dict[str, Any]]:
    yield {"type": "report", **statement(said)}
    for line in said.report.lines:
        yield {"type": "condition", **msgspec.to_builtins(line)}
    for kpi in said.kpis:
        yield {"type": "kpi", **msgspec.to_builtins(kpi)}
    for policy in policies(said):
        yield {"type": "policy", **msgspec.to_builtins(policy)}
    for spent in spends(said):
        yield {"type": "spend", **msgspec.to_builtins(spent)}
    for gain in gains(said):
        yield {"type": "gain", **msgspec.to_builtins(gain)}
    for each in said.corpus:
        yield {"type": "corpus", **msgspec.to_builtins(each)}
    for case in said.cases:
        yield {
            "type": "case",
            "case": case,
            "answers": [each for target in said.targets for each in said.answers.get((target, case.id), ())],
            "judged": [each for target in said.targets for each in said.judged.get((target, case.id), ())],
        }
