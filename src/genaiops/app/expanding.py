"""Cases of a file as families of cases, for `genaiops suite expand`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from genaiops.app.local_suites import read_file
from genaiops.arena import cases_of
from genaiops.arena.counterfactuals import Expanded, Perturbed, Varied, expanded, perturbed
from genaiops.core.errors import UsageError
from genaiops.domain import Case, CaseSource, Suite

_ROWS: Final = (".jsonl", ".ndjson", ".csv")


def varied_from(attributes: Sequence[str], *, intersections: bool, names: int) -> Varied:
    """`gender`, or `gender=woman,man`, each once. UsageError for one that is named twice."""
    found: dict[str, tuple[str, ...]] = {}
    for each in attributes:
        name, _, values = each.partition("=")
        if name.strip() in found:
            raise UsageError(f"The attribute {name!r} is named twice.", remedy="Name its values in one list.")
        found[name.strip()] = tuple(value.strip() for value in values.split(",") if value.strip())
    return Varied(attributes=found, intersections=intersections, names=names)


def expand_file(file: str, how: Varied | Perturbed) -> Expanded:
    """Of a suite, or of a file of cases. Errors are those of suites and of `expanded`."""
    cases = _cases(file)
    return expanded(cases, how) if isinstance(how, Varied) else perturbed(cases, how)


def _cases(file: str) -> Sequence[Case]:
    path = Path(file)
    if path.suffix.lower() in _ROWS:
        return cases_of(Suite(cases=(CaseSource(file=path.name),)), folder=path.parent)
    return cases_of(read_file(file), folder=path.parent)


def case_lines(cases: Sequence[Case]) -> str:
    """JSON lines, a case each, as suites read them."""
    return msgspec.json.Encoder().encode_lines(list(cases)).decode()
