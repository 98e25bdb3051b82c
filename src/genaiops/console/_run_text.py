"""What a run of a suite shows, in words and as rows of pages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, cast

import msgspec

from genaiops.arena import GateLine, GateReport, asked_media, picture_url
from genaiops.checks.judging import in_words, is_picture
from genaiops.console._charts import Chart
from genaiops.console._differences import Piece, pieces
from genaiops.console._format import NONE
from genaiops.console._intervals import Interval, intervals
from genaiops.domain import Answer, Case, Judged, Outcome, Run
from genaiops.ports.runs import CaseRow

WORDS: Final[Mapping[Outcome, str]] = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
    "error": "INCONCLUSIVE",
    "warn": "PASS",
}
_LONGEST: Final = 240
Way = Literal["won", "lost", "failed", "errors"]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a gate, as it is read."""

    outcome: Outcome
    check: str
    target: str
    asked: str
    measured: str
    bounds: str
    won: int | None
    lost: int | None
    more: int | None
    reason: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A case in a list. `marks`: target -> checks that passed and all that said one or the other."""

    place: int
    id: str
    asked: str
    slices: tuple[str, ...]
    marks: Mapping[str, tuple[int, int]]
    broken: int
    way: str


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What one target said, beside what the first one said. `pieces` empty: the first itself."""

    target: str
    answer: Answer | None
    pieces: Sequence[Piece]
    judged: Sequence[Judged]
    repeats: int = 1


def conditions(report: GateReport) -> list[Condition]:
    """What does not hold comes first, then what is not decided."""
    order = {"fail": 0, "error": 1, "inconclusive": 1, "warn": 2, "pass": 2}
    return sorted((_condition(line) for line in report.lines), key=lambda each: order[each.outcome])


def _condition(line: GateLine) -> Condition:
    verdict, said = line.verdict, line.comparison
    return Condition(
        outcome=verdict.outcome,
        check=line.check,
        target=line.target,
        asked=asked_for(line),
        measured=_measured(line),
        bounds=NONE if verdict.interval is None else f"{verdict.interval[0]:.3g} to {verdict.interval[1]:.3g}",
        won=None if said is None else said.wins,
        lost=None if said is None else said.losses,
        more=line.more,
        reason=verdict.reason,
    )


def asked_for(line: GateLine) -> str:
    asked = line.asked or 0.0
    said = {
        "floor": f"{'at most' if line.at_most else 'reaches'} {asked:g}",
        "margin": f"at most {asked:g} worse",
        "improves": "better",
        "tolerance": f"at most {asked:.2%} fail",
        "every_case": "every case passes",
        "corpus": f"{'at most' if line.at_most else 'reaches'} {asked:g}",
        "errors": f"at most {asked:.0%} missing",
        "usable": f"more than {asked:.0%} are good",
    }
    return said.get(line.kind, line.kind)


def _measured(line: GateLine) -> str:
    """A share of cases in percent: beside a metric's name 1 would be read as its value."""
    value = line.verdict.measure
    if value is None:
        return NONE
    return f"{value:.2%}" if line.kind in ("every_case", "tolerance", "errors", "usable") else f"{value:.4g}"


def charts(report: GateReport) -> list[Chart]:
    """Differences from the baseline, and levels: two scales, so two charts."""
    several = len(report.targets) > 1
    against: list[Interval] = []
    levels: dict[str, list[Interval]] = {}
    for line in report.lines:
        verdict = line.verdict
        if verdict.measure is None or verdict.interval is None:
            continue
        asked = -line.asked if line.kind == "margin" and line.asked is not None else line.asked
        found = Interval(
            name=f"{line.check} · {line.target}" if several else line.check,
            value=verdict.measure,
            low=verdict.interval[0],
            high=verdict.interval[1],
            outcome=verdict.outcome,
            asked=0.0 if line.kind == "improves" else asked,
        )
        if line.comparison is not None:
            against.append(found)
        else:
            unit = "share that failed" if line.kind == "tolerance" else verdict.unit
            levels.setdefault(unit, []).append(found)
    drawn: list[Chart] = []
    if against:
        drawn.append(intervals(f"Better or worse than {report.baseline}", against, unit="difference", zero=True))
    for unit, found in levels.items():
        drawn.append(intervals(f"Levels: {unit}" if unit else "Levels", found, unit=unit or "measured"))
    return drawn


def lines(rows: Sequence[CaseRow], targets: Sequence[str], ways: Mapping[str, str], *, start: int) -> list[Line]:
    """`ways`: case -> what became of it against the baseline."""
    return [_line(row, targets, ways.get(row.case.id, ""), start + place) for place, row in enumerate(rows)]


def _line(row: CaseRow, targets: Sequence[str], way: str, place: int) -> Line:
    marks = {target: _marks(row.judged, target) for target in targets}
    return Line(
        place=place,
        id=row.case.id,
        asked=covered(row.case),
        slices=row.case.slices,
        marks={target: mark for target, mark in marks.items() if mark[1]},
        broken=sum(answer.state != "answered" for answer in row.answers),
        way=way,
    )


def _marks(judged: Sequence[Judged], target: str) -> tuple[int, int]:
    mine = [each.verdict.outcome for each in judged if each.target == target and not each.against]
    return mine.count("pass"), mine.count("pass") + mine.count("fail")


def asked_of(case: Case) -> str:
    """What was asked, in one text."""
    if case.input:
        return in_words(case.input)
    if case.messages:
        return "\n".join(f"{each.get('role', '')}: {_content(each.get('content', ''))}" for each in case.messages)
    return "\n".join(f"{name}: {_content(value)}" for name, value in case.variables.items())


def covered(case: Case) -> str:
    """What a list shows of a case: its beginning; of an attack its name, for its text is shown when somebody asks."""
    return case.id if case.attack is not None else brief(asked_of(case))


def _content(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(_part(each) for each in cast("list[object]", value))
    return in_words(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _part(part: object) -> str:
    """Of a message's content: its words, or what it is."""
    plain: Mapping[str, object] = cast("Mapping[str, object]", part) if isinstance(part, Mapping) else {}
    text = plain.get("text")
    return in_words(text if isinstance(text, str) else picture_url(plain) or msgspec.json.encode(part).decode())


def pictures_of(case: Case) -> Sequence[str]:
    """Those that a case shows, which the page can show, too: none by its address."""
    found = [case.input] if is_picture(case.input) else []
    return [each for each in (*found, *asked_media(case)) if is_picture(each)]


def answered(answer: Answer | None) -> str:
    """The words of an answer; a picture is shown as one."""
    return "" if answer is None or is_picture(answer.output) else in_words(answer.output)


def answered_pictures(answer: Answer) -> Sequence[str]:
    return (*([answer.output] if is_picture(answer.output) else []), *answer.media)


def brief(text: str) -> str:
    one = " ".join(text[: 4 * _LONGEST].split())
    return one if len(one) <= _LONGEST else f"{one[:_LONGEST]}…"


def spoken(row: CaseRow, targets: Sequence[str], repeat: int) -> Iterator[Spoken]:
    """One for each target, the first as what others are compared with."""
    first: str | None = None
    for target in targets:
        mine = [answer for answer in row.answers if answer.target == target]
        answer = next((each for each in mine if each.repeat == repeat), None)
        text = answered(answer)
        yield Spoken(
            target=target,
            answer=answer,
            pieces=pieces(first, text) if first is not None and answer is not None else (),
            judged=[each for each in row.judged if each.target == target and each.repeat == repeat],
            repeats=len(mine),
        )
        if first is None and answer is not None:
            first = text


def progress(run: Run) -> float:
    """The share that is done."""
    return run.done / run.total if run.total else 0.0
