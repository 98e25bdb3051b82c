"""Cases of a file as families of cases, for `genaiops suite expand`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from genaiops.app.local_suites import read_file
from genaiops.arena import cases_of
from genaiops.arena.corpora import corpus_cases
from genaiops.arena.counterfactuals import Expanded, Perturbed, Varied, expanded, perturbed
from genaiops.core.errors import UsageError
from genaiops.domain import Case, CaseSource, Suite

_ROWS: Final = (".jsonl", ".ndjson", ".csv")


def perturbed_from(kinds: Sequence[str], cues: Sequence[str], *, seed: int) -> Perturbed:
    return Perturbed(kinds=tuple(kinds), cues=tuple(cues), seed=seed)


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
    cases = read_cases(file)
    return expanded(cases, how) if isinstance(how, Varied) else perturbed(cases, how)


def read_cases(file: str) -> Sequence[Case]:
    """Of a suite, or of a file of cases."""
    path = Path(file)
    if path.suffix.lower() in _ROWS:
        return cases_of(Suite(cases=(CaseSource(file=path.name),)), folder=path.parent)
    return cases_of(msgspec.structs.replace(read_file(file), shots=None, target=()), folder=path.parent)


def write_corpus(name: str, source: Path | None, to: Path, *, limit: int | None, seed: int) -> int:
    """How many cases were written. Errors are those of `corpus_cases` and `write_cases`."""
    check_name(to)
    cases = corpus_cases(name, source, limit=limit, seed=seed)
    write_cases(cases, to)
    return len(cases)


def check_name(to: Path) -> None:
    """UsageError unless it is one of JSON lines."""
    if to.suffix != ".jsonl":
        raise UsageError(f"{to} would be written as JSON lines.", remedy="Name it .jsonl.", param="output")


def write_cases(cases: Sequence[Case], to: Path) -> None:
    """UsageError for another name than one of JSON lines, and for a file that cannot be written."""
    check_name(to)
    try:
        to.write_text(case_lines(cases), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror}.", remedy="Name another file.") from error


def case_lines(cases: Sequence[Case]) -> str:
    """JSON lines, a case each, as suites read them."""
    return msgspec.json.Encoder().encode_lines(list(cases)).decode()
