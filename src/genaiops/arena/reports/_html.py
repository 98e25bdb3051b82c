"""A run as one HTML file: it loads nothing, runs nothing, and follows the reader's light or dark."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Final

from genaiops.arena.reports._charts import COLOURS, charts
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

MOST_CASES: Final = 500
_LONGEST: Final = 4000
_KINDS: Final = {"pass": "pass", "warn": "pass", "fail": "fail"}
_SHORT: Final = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "open"}

_LIGHT: Final = """--page:#fff;--soft:#f4f5f7;--pass:#2b8a3e;--fail:#c92a2a;--open:#8f5a00;--muted:#5c636a;
--accent:#3b5bdb;--text:#1c2128;--line:#dee2e6"""
_DARK: Final = """--page:#15181d;--soft:#1f242b;--pass:#69db7c;--fail:#ff8787;--open:#ffc078;--muted:#a5adb6;
--accent:#91a7ff;--text:#e6e9ed;--line:#343b44"""
_STYLE: Final = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:1.25rem;max-width:70rem;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}}
h1{{font-size:1.4rem;margin:0 0 .25rem}} h2{{font-size:1.05rem;margin:2rem 0 .5rem}}
.verdict{{display:inline-block;padding:.1rem .6rem;border-radius:.3rem;border:2px solid;font-weight:700}}
.pass{{color:var(--pass)}} .fail{{color:var(--fail)}} .open{{color:var(--open)}} .muted{{color:var(--muted)}}
.wide{{overflow-x:auto}} table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}}
th{{font-weight:600;color:var(--muted)}} td.number,th.number{{text-align:right;white-space:nowrap}}
pre{{margin:.25rem 0;padding:.5rem .6rem;background:var(--soft);border-radius:.3rem;white-space:pre-wrap;
overflow-wrap:anywhere;font:13px/1.45 ui-monospace,monospace}}
td,summary{{overflow-wrap:break-word}} .wide td:last-child{{min-width:12rem}} .wide td:nth-child(4){{min-width:6.5rem}}
.facts td{{overflow-wrap:anywhere}} .facts td:first-child{{width:14rem;color:var(--muted)}}
details{{border-bottom:1px solid var(--line);padding:.35rem 0}} summary{{cursor:pointer}}
.charts{{display:flex;flex-wrap:wrap;gap:1.5rem}} figure{{margin:0;flex:1 1 22rem;min-width:0}}
figcaption{{color:var(--muted)}} @media (max-width:30rem){{body{{padding:.75rem}} .facts td:first-child{{width:7rem}}}}
@media print{{details:not([open])>*{{display:block}}}}
""" + "".join(
    f'svg [fill="{colour}"]{{fill:var(--{name})}}svg [stroke="{colour}"]{{stroke:var(--{name})}}\n'
    for colour, name in COLOURS.items()
)


def html(said: Reported) -> str:
    """The verdict and why, charts, conditions, cases that were lost, then all cases (the first 500), then what the run
    was made of."""
    name = escape(said.run.name)
    kind = _SHORT[said.word]
    body = (
        f"<h1>{name}</h1>",
        f'<p><span class="verdict {kind}">{said.word}</span> {escape(said.report.verdict.reason)}</p>',
        f'<p class="muted">{escape(_counts(said))}</p>',
        *_charts(said),
        *_conditions(said),
        *_kpis(said),
        *_duels(said),
        *_policies(said),
        *_spent(said),
        *_lost(said),
        *_cases(said),
        *_made_of(said),
    )
    return page(f"{said.word}: {said.run.name}", "\n".join(body))


def page(title: str, body: str) -> str:
    """`body` is HTML already."""
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            "<meta http-equiv=\"content-security-policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            body,
            "</main>\n</body>\n</html>\n",
        )
    )


def _counts(said: Reported) -> str:
    run = said.run
    cost = "cost unknown" if run.cost_nano is None else f"{from_nano(run.cost_nano)} spent"
    ended = (
        "not ended"
        if run.ended_us is None
        else datetime.fromtimestamp(run.ended_us / 1e6, UTC).isoformat(" ", "seconds")
    )
    return f"{run.done} of {run.total} answers, {run.failed} failed, {cost}. {run.id}, {ended}."


def _charts(said: Reported) -> Iterator[str]:
    drawn = charts(said)
    if not drawn:
        return
    yield '<div class="charts">'
    for each in drawn:
        yield f"<figure><figcaption>{escape(each.title)}</figcaption>{each.svg}</figure>"
    yield "</div>"


def _conditions(said: Reported) -> Iterator[str]:
    if not said.report.lines:
        return
    yield "<h2>Conditions</h2>"
    head = (
        "verdict",
        "check",
        "target",
        "asked for",
        "#measured",
        "bounds",
        "#n",
        "#won",
        "#lost",
        "#more cases",
        "why",
    )
    rows: list[Sequence[str]] = []
    for line in said.report.lines:
        word = WORDS[line.verdict.outcome]
        rows.append(
            (
                f'<b class="{_SHORT[word]}">{word}</b>',
                escape(line.check),
                escape(line.target),
                escape(asked_for(line)),
                figure(line.verdict.measure),
                bounds(line),
                "" if line.verdict.n is None else str(line.verdict.n),
                "" if line.comparison is None else str(line.comparison.wins),
                "" if line.comparison is None else str(line.comparison.losses),
                "" if line.more is None else f"+{line.more}",
                escape(line.verdict.reason),
            )
        )
    yield from table(head, rows)


def _kpis(said: Reported) -> Iterator[str]:
    kinds = {"met": "pass", "not_met": "fail"}
    rows = [
        (
            f'<b class="{kinds.get(line.status, "open")}">{line.word.upper()}</b>',
            *(escape(cell) for cell in kpi_cells(line)),
            escape(line.reason),
        )
        for line in said.kpis
    ]
    if rows:
        yield "<h2>KPIs of use cases</h2>"
        yield from table(("verdict", *KPI_HEAD, "why"), rows)


def _duels(said: Reported) -> Iterator[str]:
    """Pair by pair against the baseline."""
    if not said.report.duels:
        return
    yield f"<h2>Duels with {escape(said.report.baseline)}</h2>"
    head = ("check", "target", "#won", "#lost", "#ties", "#win rate, by the judge", "bounds", "order", "cases lost")
    rows = [
        (
            escape(each.check),
            escape(each.target),
            str(each.wins),
            str(each.losses),
            str(each.ties),
            f"{each.win_rate:.2%}",
            f"{each.low:.2%} to {each.high:.2%}",
            escape(each.order),
            escape(", ".join(each.lost)),
        )
        for each in said.report.duels
    ]
    yield from table(head, rows)


def _policies(said: Reported) -> Iterator[str]:
    rows = [
        (
            f'<b class="{_SHORT[WORDS[line.outcome]]}">{WORDS[line.outcome]}</b>',
            escape(line.policy),
            escape(", ".join(line.checks)),
            escape(line.reason),
        )
        for line in policies(said)
    ]
    if rows:
        yield "<h2>Policies</h2>"
        yield from table(("verdict", "policy", "shown by", "why"), rows)


def _spent(said: Reported) -> Iterator[str]:
    spent = spends(said)
    if not spent:
        return
    yield "<h2>Quality and cost</h2>"
    head = ("target", "#cost of 1,000 answers", "#answers with a known cost")
    yield from table(head, [(escape(each.target), each.cost, f"{each.priced} of {each.answers}") for each in spent])
    rows = [
        (
            escape(each.target),
            escape(each.check),
            f"{each.difference:+.4g}",
            f"{each.low:+.3g} to {each.high:+.3g}",
            each.cost,
            figure(each.per_cost),
        )
        for each in gains(said)
    ]
    head = ("target", "check", "#better by", "bounds", "#1,000 answers cost more by", "#gain for 1 more spent on these")
    yield from table(head, rows)


def _lost(said: Reported) -> Iterator[str]:
    for target in said.report.targets:
        cases = said.lost(target)
        if not cases:
            continue
        what = f"lost against {said.report.baseline}" if said.report.baseline else "failed"
        yield f"<h2>{escape(target)}: {counted(len(cases), 'case')} {escape(what)}</h2>"
        names = list(dict.fromkeys(name for name in (said.report.baseline, target) if name))
        for case in cases[:MOST_CASES]:
            yield from _case(said, case, names)
        if len(cases) > MOST_CASES:
            yield f'<p class="muted">And {len(cases) - MOST_CASES:,} more.</p>'


def _cases(said: Reported) -> Iterator[str]:
    yield "<h2>All cases</h2>"
    for case in said.cases[:MOST_CASES]:
        yield from _case(said, case, said.targets)
    if len(said.cases) > MOST_CASES:
        yield f'<p class="muted">And {len(said.cases) - MOST_CASES:,} more, in the report as JSON lines.</p>'


def _case(said: Reported, case: Case, targets: Sequence[str]) -> Iterator[str]:
    judged = [each for target in targets for each in said.judged.get((target, case.id), ())]
    outcomes = {each.verdict.outcome for each in judged}
    broken = any(each.state != "answered" for target in targets for each in said.answers.get((target, case.id), ()))
    word = "fail" if "fail" in outcomes else "open" if broken or "error" in outcomes or not judged else "pass"
    mark = {"fail": "\N{MULTIPLICATION SIGN}", "open": "?", "pass": "\N{CHECK MARK}"}[word]
    asked = _shown(question(case))
    yield f'<details><summary><b class="{word}">{mark}</b> {escape(case.id)} '
    yield f'<span class="muted">{escape(asked[:120])}</span></summary>'
    yield f"<pre>{escape(asked)}</pre>"
    for target in targets:
        for answer in said.answers.get((target, case.id), ()):
            text = answered(answer) if answer.state == "answered" else f"{answer.state}: {answer.error}"
            again = f", repeat {answer.repeat + 1}" if said.suite.run.repeats > 1 else ""
            yield f"<div>{escape(target)}{again}</div><pre>{escape(_shown(text))}</pre>"
    rows = [
        (
            escape(each.check),
            escape(each.target),
            f'<span class="{_KINDS.get(each.verdict.outcome, "open")}">{each.verdict.outcome}</span>',
            figure(each.verdict.measure),
            escape(each.verdict.reason),
        )
        for each in judged
    ]
    yield from table(("check", "target", "verdict", "#measured", "why"), rows)
    yield "</details>"


def _made_of(said: Reported) -> Iterator[str]:
    facts = statement(said)
    rows: Mapping[str, str] = {
        "suite": said.run.subject,
        "run": said.run.id,
        "seed": str(said.run.seed),
        "repeats": str(said.suite.run.repeats),
        "confidence of each bound": f"{1 - said.report.alpha:.0%}",
        "baseline": said.report.baseline or "none",
        **{f"check {name}": version for name, version in facts["metrics"].items()},
        **{f"target {target.name}": _way(target.__struct_fields__, target) for target in said.suite.target},
        **said.run.environment,
        **{f"input {name}": value for name, value in said.run.inputs.items()},
        **{f"output {name}": value for name, value in said.run.outputs.items()},
    }
    yield "<h2>What it was made of</h2>"
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows.items())
    yield f'<table class="facts">{body}</table>'


def _way(fields: Sequence[str], target: object) -> str:
    given = {name: getattr(target, name) for name in fields if name != "name"}
    return ", ".join(f"{name} {value}" for name, value in given.items() if value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """`rows` are HTML already. A column whose title begins with # holds numbers."""
    if not rows:
        return
    kinds = [' class="number"' if title.startswith("#") else "" for title in head]
    titles = "".join(f"<th{kind}>{title.lstrip('#')}</th>" for title, kind in zip(head, kinds, strict=True))
    yield f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>'
    for row in rows:
        yield "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) + "</tr>"
    yield "</tbody></table></div>"


def _shown(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else text[:_LONGEST] + " ...")
