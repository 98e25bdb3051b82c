"""`genaiops run compare`: what one run won and lost against an earlier one."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Output, one_line
from genaiops.cli._session import Session, connected
from genaiops.core.counting import counted
from genaiops.sdk import path_of


def _of(name: str, form: str) -> Callable[[Mapping[str, Any]], str | None]:
    def shown(row: Mapping[str, Any]) -> str | None:
        said = row["comparison"]
        return None if said is None else format(said[name], form)

    return shown


def _bounds(row: Mapping[str, Any]) -> str | None:
    said = row["comparison"]
    return None if said is None else f"{said['low']:+.3g} to {said['high']:+.3g}"


_CHECKS = (
    Column("CHECK", "check"),
    Column("SLICE", "slice"),
    Column("SAYS", "word"),
    Column("DIFFERENCE", _of("difference", "+.4g"), right=True),
    Column("BOUNDS", _bounds),
    Column("WINS", _of("wins", "d"), right=True),
    Column("LOSSES", _of("losses", "d"), right=True),
    Column("N", _of("n", "d"), right=True, rank=1),
    Column("UNIT", "unit", rank=2),
    Column("WHY", "why", rank=1, elastic=True),
)


def add_compare(command: Noun) -> None:
    """Adds the verb."""

    @command.verb(
        "compare", example="genaiops run compare run_01jd3v5t0c1qk9m8x7w6r5n4b3 run_01jd3w8k2f0s6t5v4x3z2y1a0b"
    )
    @click.argument("before", metavar="BEFORE")
    @click.argument("after", metavar="AFTER")
    @click.option("--target", help="Of the later run. [the first that is no baseline]")
    @click.option("--against", help="The target of the earlier run. [the same]")
    @click.option("--slice", help="Only cases of this slice.")
    @click.option(
        "--limit", type=click.IntRange(0, 500), default=5, show_default=True, help="Show so many of each way."
    )
    @connected
    def compare(session: Session, before: str, after: str, **query: Any) -> None:
        """Compare two runs: what each check says of the cases that both have, paired and with bounds, by slice, and how
        the outputs of lost and won cases differ."""
        found = session.client.get(path_of("/api/runs", before, "compare", after), query)
        if session.output.as_json:
            session.output.json(found)
            return
        _show(session.output, found)
        session.output.note(f"All of it: {session.client.url}{found['page']}")


def _show(output: Output, found: Mapping[str, Any]) -> None:
    output.line(f"{found['target']} of {found['after']['id']} against {found['against']} of {found['before']['id']}")
    left = [
        f"{found[name]} {what}"
        for name, what in (
            ("changed", "ask something else"),
            ("only_before", "are in the earlier run alone"),
            ("only_after", "are in the later run alone"),
        )
        if found[name]
    ]
    beside = f" Not compared: {', '.join(left)}." if left else ""
    output.line(f"{len(found['won'])} won, {len(found['lost'])} lost of {counted(found['alike'], 'case')}.{beside}")
    output.line()
    output.rows(
        [line for check in found["checks"] for line in _lines(check)],
        _CHECKS,
        empty="The suite has no check of single cases, so nothing can be compared.",
    )
    for case in found["cases"]:
        output.line()
        asked = "" if case["asked"] is None else f"  {one_line(str(case['asked']), 100)}"
        output.line(f"{case['way']}: {case['case']} ({', '.join(case['checks'])}){asked}")
        for line in _difference(case["before"] or "", case["after"] or ""):
            output.line(f"  {line}")
    output.line()


def _lines(check: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of a judge a line more: what people would say, by which the word is said where that is known."""
    people, why_not = check["people"], check["why_not"]
    if people is None and not why_not:
        yield check
        return
    own = "the judge itself"
    yield {**check, "word": own if people is not None else check["word"], "why": check["why"] or own}
    name = f"{check['check']} by people"
    yield {
        **check,
        "check": name,
        "word": check["word"] if people is not None else "not known",
        "comparison": people,
        "why": people["method"] if people is not None else why_not,
    }


def _difference(before: str, after: str) -> list[str]:
    """Lines that went (-) and came (+)."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [one_line(line, 160) for line in lines if line[:2] in ("- ", "+ ")]
