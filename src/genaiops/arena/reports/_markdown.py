"""A run as Markdown for a pull request: the verdict first, the conditions in a table, lost cases folded away.

What models said stands in fenced code, where it can neither mention anybody, nor load a picture, nor end the report.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from genaiops.arena.reports._reported import (
    KPI_HEAD,
    WORDS,
    Reported,
    answered,
    asked_for,
    bounds,
    figure,
    kpi_cells,
    printable,
    question,
    statement,
)
from genaiops.arena.reports._value import gains, policies, spends
from genaiops.core.counting import counted
from genaiops.core.money import from_nano
from genaiops.domain import Case

MOST: Final = 60_000
"""Characters: a comment on GitHub has at most 65,536."""
_MOST_LOST: Final = 20
_MOST_POLICIES: Final = 50
_LONGEST: Final = 600
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|<>~@&:])")
_NO_MARKER: Final = re.compile(r"[^A-Za-z0-9_./ ]")


def markdown(said: Reported) -> str:
    """The first line says of which suite it is, so that a later report can take its place. At most 60,000 characters;
    cases that have no room are counted, not told."""
    name = plain(said.run.name)
    head = [
        f"<!-- genaiops suite report: {_NO_MARKER.sub('_', said.run.name)} -->",
        f"## {said.word}: {name}",
        "",
        plain(said.report.verdict.reason),
        "",
        *_conditions(said),
        "",
        *_kpis(said),
        *_duels(said),
        *_policies(said),
        *_spent(said),
        f"{said.run.done} of {said.run.total} answers, {said.run.failed} failed{_cost(said)}. Run `{said.run.id}`.",
    ]
    tail = ["", *_made_of(said)]
    room = MOST - sum(len(line) + 1 for line in (*head, *tail))
    return "\n".join((*head, *_lost(said, room), *tail)) + "\n"


def _cost(said: Reported) -> str:
    return "" if said.run.cost_nano is None else f", {from_nano(said.run.cost_nano)} spent"


def _conditions(said: Reported) -> Iterator[str]:
    if not said.report.lines:
        return
    yield "| verdict | check | target | asked for | measured | bounds | won | lost | more cases |"
    yield "|---|---|---|---|--:|---|--:|--:|--:|"
    for line in said.report.lines:
        won = "" if line.comparison is None else str(line.comparison.wins)
        lost = "" if line.comparison is None else str(line.comparison.losses)
        more = "" if line.more is None else f"+{line.more}"
        cells = (
            f"**{WORDS[line.verdict.outcome]}**",
            plain(line.check),
            plain(line.target),
            asked_for(line),
            figure(line.verdict.measure),
            bounds(line),
            won,
            lost,
            more,
        )
        yield f"| {' | '.join(cells)} |"
    together = [line for line in said.report.lines if line.kind == "corpus" and line.verdict.reason]
    if together:
        yield ""
    for line in together:
        yield f"- {plain(line.check)}, {plain(line.target)}: {plain(line.verdict.reason)}"


def _kpis(said: Reported) -> Iterator[str]:
    if said.kpis:
        yield f"| verdict | {' | '.join(title.lstrip('#') for title in KPI_HEAD)} | why |"
        yield f"|---|{''.join('--:|' if title[0] == '#' else '---|' for title in KPI_HEAD)}---|"
        for line in said.kpis[:_MOST_POLICIES]:
            cells = (plain(cell) for cell in (*kpi_cells(line), line.reason))
            yield f"| **{line.word.upper()}** | {' | '.join(cells)} |"
        yield ""


def _duels(said: Reported) -> Iterator[str]:
    for each in said.report.duels[:_MOST_POLICIES]:
        rate = f"{each.win_rate:.2%} ({each.low:.2%} to {each.high:.2%})"
        counts = f"{each.wins} won, {each.losses} lost, {each.ties} ties"
        who = f"{plain(each.check)}: {plain(each.target)} against {plain(each.baseline)}"
        yield f"- {who}: {counts}; win rate by the judge itself {rate}. {each.order}"
    if said.report.duels:
        yield ""


def _policies(said: Reported) -> Iterator[str]:
    lines = list(policies(said))[:_MOST_POLICIES]
    if lines:
        yield from ("| verdict | policy | why |", "|---|---|---|")
        for line in lines:
            yield f"| **{WORDS[line.outcome]}** | {plain(line.policy)} | {plain(line.reason)} |"
        yield ""


def _spent(said: Reported) -> Iterator[str]:
    spent = spends(said)
    if not spent:
        return
    said_of = ", ".join(f"{plain(each.target)} {each.cost}" for each in spent)
    yield from (f"1,000 answers cost: {said_of}.", "")
    for each in list(gains(said))[:_MOST_POLICIES]:
        per = "" if each.per_cost is None else f" ({each.per_cost:.4g} for 1 more spent on them)"
        better = f"{each.difference:+.4g} ({each.low:+.3g} to {each.high:+.3g})"
        yield f"- {plain(each.target)}, {plain(each.check)}: {better}; 1,000 answers cost more by {each.cost}{per}."
    yield ""


def _lost(said: Reported, room: int) -> Iterator[str]:
    for target in said.report.targets:
        cases = said.lost(target)
        if not cases:
            continue
        what = f"lost against {plain(said.report.baseline)}" if said.report.baseline else "failed"
        opening = ["", "<details>", f"<summary>{plain(target)}: {counted(len(cases), 'case')} {what}</summary>"]
        closing = ["", "</details>"]
        room -= sum(len(line) + 1 for line in (*opening, *closing)) + 80
        told: list[str] = []
        for number, case in enumerate(cases):
            lines = list(_case(said, target, case))
            size = sum(len(line) + 1 for line in lines)
            if size > room or number >= _MOST_LOST:
                told += ["", f"And {len(cases) - number} more; the JSON lines have them all."]
                break
            room -= size
            told += lines
        yield from (*opening, *told, *closing)


def _case(said: Reported, target: str, case: Case) -> Iterator[str]:
    yield ""
    yield f"**{plain(case.id)}**"
    if case.attack is None:
        yield from _fenced(question(case))
    names = dict.fromkeys(name for name in (said.report.baseline, target) if name)
    for name in names:
        for answer in said.answers.get((name, case.id), ())[:1] if case.attack is None else ():
            yield f"{plain(name)}:"
            yield from _fenced(answered(answer) or answer.error)
    failed = [each for each in said.judged.get((target, case.id), ()) if each.verdict.outcome == "fail"]
    for check, reason in {each.check: each.verdict.reason for each in failed}.items():
        yield f"- {plain(check)}: {plain(reason) or 'failed'}"


def _fenced(text: str) -> Iterator[str]:
    """Code, with a fence longer than any within it."""
    text = printable(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("", fence + "text", *text.splitlines(), fence, "")


def _made_of(said: Reported) -> Iterator[str]:
    facts = statement(said)
    rows: Mapping[str, str] = {
        "suite": said.run.subject,
        "seed": str(said.run.seed),
        "metrics": ", ".join(f"{check} ({version})" for check, version in facts["metrics"].items()),
        **said.run.environment,
        **{f"input {name}": value for name, value in said.run.inputs.items() if name != "suite"},
    }
    yield from ("<details>", "<summary>What it was made of</summary>", "", "| | |", "|---|---|")
    for name, value in rows.items():
        yield f"| {plain(name)} | {plain(value)} |"
    yield from ("", "</details>")


def plain(text: str) -> str:
    """Of one line, without any meaning for Markdown or HTML, and mentioning nobody."""
    one = printable(" ".join(text.split())[:_LONGEST])
    return _SPECIAL.sub(lambda found: f"&#{ord(found[1])};", one)
