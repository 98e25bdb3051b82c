"""A run as PDF, for those who file and print: the same bytes for the same run, so that its signature can be made anew.

Set by ReportLab, which is an extra and imported here only when a report is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from math import isfinite
from typing import Any, Final

from genaiops.arena.reports._charts import cases_by_check, conditions
from genaiops.arena.reports._pdf_page import (
    COLOUR,
    SHORT,
    WIDTH,
    grid,
    heading,
    paper,
    paragraph,
    ready_fonts,
    table_of,
)
from genaiops.arena.reports._pdf_text import BOLD, REGULAR
from genaiops.arena.reports._reported import (
    KPI_HEAD,
    WORDS,
    Reported,
    answered,
    asked_for,
    bounds,
    figure,
    kpi_cells,
    question,
    statement,
)
from genaiops.arena.reports._value import gains, policies, spends
from genaiops.core.counting import counted
from genaiops.core.money import from_nano
from genaiops.domain import Case

_MOST_LINES: Final = 500
_MOST_CASES: Final = 100
_STATES: Final = {"pass": "pass", "fail": "fail", "error": "open", "missing": "muted"}
_BAR: Final = 230.0


def pdf(said: Reported) -> bytes:
    """The verdict, charts, conditions, policies, spend, cases that were won and lost, and what the run was made of.
    UsageError when the extra is not installed."""
    ready_fonts()
    ended = said.run.ended_us or said.run.created_us
    return paper(f"{said.word}: {said.run.name}", said.run.id, ended, list(_story(said)))


def pdf_of(
    title: str,
    leads: Sequence[str],
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]],
    *,
    name: str,
    at_us: int,
) -> bytes:
    """Headings with tables of texts: (title, head, rows). UsageError when the extra is not installed."""
    ready_fonts()
    story = [paragraph(title, size=17, first=BOLD), *map(paragraph, leads)]
    for heading_, head, rows in tables:
        story.extend(table_of(heading_, head, rows, [1] * len(head)))
    return paper(title, name, at_us, story)


def _story(said: Reported) -> Iterator[Any]:
    kind = COLOUR[SHORT[said.word]]
    yield paragraph(said.run.name, size=17, first=BOLD)
    yield paragraph(said.word, size=13, first=BOLD, colour=kind)
    yield paragraph(said.report.verdict.reason)
    cost = "" if said.run.cost_nano is None else f", {from_nano(said.run.cost_nano)} spent"
    counts = f"{said.run.done} of {said.run.total} answers, {said.run.failed} failed{cost}."
    yield paragraph(counts, colour=COLOUR["muted"])
    yield from _conditions(said)
    yield from _charts(said)
    yield from _kpis(said)
    yield from _duels(said)
    yield from _policies(said)
    yield from _spent(said)
    yield from _cases(said)
    yield from _made_of(said)


def _conditions(said: Reported) -> Iterator[Any]:
    rows: list[Sequence[str]] = []
    for line in said.report.lines[:_MOST_LINES]:
        compared = line.comparison
        rows.append(
            (
                WORDS[line.verdict.outcome],
                line.check,
                line.target,
                asked_for(line),
                figure(line.verdict.measure),
                bounds(line),
                "" if compared is None else str(compared.wins),
                "" if compared is None else str(compared.losses),
                "" if line.more is None else f"+{line.more}",
            )
        )
    head = ("verdict", "check", "target", "asked for", "measured", "bounds", "won", "lost", "more cases")
    yield from table_of("Conditions", head, rows, (2.3, 2.4, 2, 2.2, 1.6, 2.3, 0.8, 0.8, 1))
    if len(said.report.lines) > _MOST_LINES:
        yield paragraph(f"And {len(said.report.lines) - _MOST_LINES} more; the JSON lines have them all.")


def _kpis(said: Reported) -> Iterator[Any]:
    rows = [(line.word.upper(), *kpi_cells(line)) for line in said.kpis]
    head = ("verdict", *(title.lstrip("#") for title in KPI_HEAD))
    yield from table_of("KPIs of use cases", head, rows, (2.3, 1.8, 1.8, 1.8, 2, 1.4, 2.2, 0.8, 1))


def _duels(said: Reported) -> Iterator[Any]:
    rows = [
        (
            each.check,
            each.target,
            str(each.wins),
            str(each.losses),
            str(each.ties),
            f"{each.win_rate:.2%}, {each.low:.2%} to {each.high:.2%}",
            each.order,
        )
        for each in said.report.duels[:_MOST_LINES]
    ]
    head = ("check", "target", "won", "lost", "ties", "win rate, by the judge", "order")
    yield from table_of(f"Duels with {said.report.baseline}", head, rows, (2.2, 2, 0.8, 0.8, 0.8, 3, 4))


def _policies(said: Reported) -> Iterator[Any]:
    rows = [(WORDS[line.outcome], line.policy, line.reason) for line in policies(said)]
    yield from table_of("Policies", ("verdict", "policy", "why"), rows, (1.6, 4, 5))


def _spent(said: Reported) -> Iterator[Any]:
    rows = [(each.target, str(each.answers), str(each.priced), each.cost) for each in spends(said)]
    yield from table_of("Spend", ("target", "answers", "of known cost", "1,000 answers cost"), rows, (4, 2, 2, 3))
    better = [
        (
            each.target,
            each.check,
            f"{each.difference:+.4g} ({each.low:+.3g} to {each.high:+.3g})",
            each.cost,
            "" if each.per_cost is None else f"{each.per_cost:.4g}",
        )
        for each in gains(said)
    ]
    head = ("target", "check", f"better than {said.report.baseline} by", "1,000 cost more by", "for 1 more spent")
    yield from table_of("What more spent brings", head, better, (2, 2, 3, 2, 2))


def _cases(said: Reported) -> Iterator[Any]:
    for target in said.report.targets:
        won, lost = said.won(target), said.lost(target)
        if won:
            yield heading(f"{target}: {counted(len(won), 'case')} won against {said.report.baseline}")
            names = ", ".join(case.id[:80] for case in won[:_MOST_CASES])
            more = "" if len(won) <= _MOST_CASES else f", and {len(won) - _MOST_CASES} more"
            yield paragraph(names + more, most=10_000)
        if lost:
            against = f"lost against {said.report.baseline}" if said.report.baseline else "failed"
            yield heading(f"{target}: {counted(len(lost), 'case')} {against}")
        for case in lost[:_MOST_CASES]:
            yield from _case(said, target, case)
        if len(lost) > _MOST_CASES:
            yield paragraph(f"And {len(lost) - _MOST_CASES} more; the JSON lines have them all.")


def _case(said: Reported, target: str, case: Case) -> Iterator[Any]:
    """Of an attack neither what was asked nor what was answered."""
    yield paragraph(case.id, first=BOLD, before=5, keep=True)
    if case.attack is None:
        yield paragraph(question(case), soft=True)
        for name in dict.fromkeys(name for name in (said.report.baseline, target) if name):
            for answer in said.answers.get((name, case.id), ())[:1]:
                yield paragraph(f"{name}:", colour=COLOUR["muted"], keep=True)
                yield paragraph(answered(answer) or answer.error, soft=True)
    failed = [each for each in said.judged.get((target, case.id), ()) if each.verdict.outcome == "fail"]
    for check, reason in {each.check: each.verdict.reason for each in failed}.items():
        yield paragraph(f"{check}: {reason or 'failed'}", colour=COLOUR["fail"])


def _made_of(said: Reported) -> Iterator[Any]:
    facts: Mapping[str, Any] = statement(said)
    rows: Mapping[str, str] = {
        "run": said.run.id,
        "suite": said.run.subject,
        "cases": str(facts["cases"]),
        "repeats": str(facts["repeats"]),
        "seed": str(said.run.seed),
        "alpha": f"{facts['alpha']:g}",
        "metrics": ", ".join(f"{check} ({version})" for check, version in facts["metrics"].items()),
        **said.run.environment,
        **{f"input {name}": value for name, value in said.run.inputs.items() if name != "suite"},
    }
    yield from table_of("What it was made of", ("", ""), list(rows.items()), (2, 6))


def _charts(said: Reported) -> Iterator[Any]:
    bars = cases_by_check(said)
    if bars is not None:
        yield heading("Cases by check")
        counts: dict[str, dict[str, int]] = {}
        for value in bars["data"]["values"]:
            counts.setdefault(value["row"], {})[value["state"]] = value["cases"]
        widest = max(sum(each.values()) for each in counts.values())
        yield _chart([(row, _stacked(states, widest), _told(states)) for row, states in counts.items()])
    intervals = conditions(said)
    for panel in () if intervals is None else intervals["vconcat"]:
        values = [
            each for each in panel["data"]["values"] if all(map(isfinite, (each["low"], each["high"], each["asked"])))
        ]
        if not values:
            continue
        title: str = panel["layer"][0]["encoding"]["x"]["title"]
        yield heading(f"Conditions: {title}, with bounds; the dark line is what is asked for")
        ends = [end for each in values for end in (each["low"], each["high"], each["asked"])]
        low, high = min(ends), max(ends)
        pad = (high - low) * 0.04 or 0.5
        rows = [(each["row"], _interval(each, low - pad, high + pad), figure(each["measured"])) for each in values]
        yield _chart([*rows, ("", _axis(low, high, pad), "")])


def _told(states: Mapping[str, int]) -> str:
    return ", ".join(f"{states[name]} {name}" for name in _STATES if name in states)


def _drawing(*shapes: Any) -> Any:
    made: Any = import_module("reportlab.graphics.shapes").Drawing(_BAR, 14)
    for shape in shapes:
        made.add(shape)
    return made


def _rect(x: float, y: float, width: float, height: float, colour: str) -> Any:
    shapes: Any = import_module("reportlab.graphics.shapes")
    fill: Any = import_module("reportlab.lib.colors").HexColor(COLOUR[colour])
    return shapes.Rect(x, y, width, height, fillColor=fill, strokeColor=None)


def _stacked(states: Mapping[str, int], widest: int) -> Any:
    shapes: list[Any] = []
    x = 0.0
    for name, colour in _STATES.items():
        width = _BAR * states.get(name, 0) / widest
        shapes.append(_rect(x, 2, width, 10, colour))
        x += width
    return _drawing(*shapes)


def _interval(value: Mapping[str, Any], low: float, high: float) -> Any:
    def place(number: float) -> float:
        return _BAR * (number - low) / (high - low)

    colour: str = value["outcome"]
    ends = (place(value["low"]), place(value["high"]))
    shapes = [_rect(0, 6.8, _BAR, 0.4, "line"), _rect(ends[0], 5.75, max(ends[1] - ends[0], 0.5), 2.5, colour)]
    if value["measured"] is not None:
        shapes.append(_rect(place(value["measured"]) - 3, 4, 6, 6, colour))
    return _drawing(*shapes, _rect(place(value["asked"]) - 0.75, 1, 1.5, 12, "text"))


def _axis(low: float, high: float, pad: float) -> Any:
    string: Any = import_module("reportlab.graphics.shapes").String
    span = high - low + 2 * pad
    ends = dict.fromkeys((low, high))
    return _drawing(
        *(
            string(
                _BAR * (each - low + pad) / span, 4, f"{each:.3g}", fontName=REGULAR, fontSize=7.5, textAnchor="middle"
            )
            for each in ends
        )
    )


def _chart(rows: Sequence[tuple[str, Any, str]]) -> Any:
    cells = [(paragraph(label, size=8), drawing, paragraph(told, size=8)) for label, drawing, told in rows]
    rest = WIDTH - _BAR - 16
    middle = [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (-1, -1), 2)]
    return grid(cells, (rest * 0.58, _BAR + 16, rest * 0.42), middle)
