"""A sweep as others read it: tables and sentences that every form of it shares, Markdown, and one HTML file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from genaiops.arena._criteria import Criterion
from genaiops.arena._sweeping import Sweep, SweepCell, SweepStep
from genaiops.arena.reports._charts import COLOURS, SCHEMA, drawn
from genaiops.arena.reports._html import page, table
from genaiops.arena.reports._markdown import plain
from genaiops.arena.reports._pareto import WORDS, told
from genaiops.arena.reports._reported import printable
from genaiops.arena.reports._sweep_charts import context_name, curve, heat

Rows = tuple[Sequence[str], list[Sequence[str]]]
_NAMES: Final = {name: colour for colour, name in COLOURS.items()}
_SHADES: Final = {"one": "accent", "two": "open", "three": "pass", "four": "muted", "text": "text"}
_ALONG: Final = {"shots": "more examples", "context": "more context", "best": "to the best"}
_HOW: Final = (
    "Differences are of the same cases, with bounds that allow for cases that belong together; {claims} claims, each "
    "at {each:.2g}, so that the chance of any false one is {alpha:g} at most (Bonferroni). Not separable: zero lies "
    "between the bounds. Bounds of a cell alone hold with {sure:.0%} confidence on each side."
)


def cells_table(sweep: Sweep) -> Rows:
    """Head and rows: quality, standing, what it took."""
    took: Sequence[Criterion] = ("cost", "latency", "energy")
    known: list[Criterion] = [name for name in took if any(name in each.figures for each in sweep.cells)]
    units: Mapping[Criterion, str] = {"cost": "money", "latency": "seconds", "energy": "Wh"}
    rows: list[Sequence[str]] = []
    for cell in sweep.cells:
        standing = WORDS[cell.standing] if cell.standing else "not comparable"
        by = f" ({', '.join(cell.by[:3])}{', ...' if len(cell.by) > 3 else ''})" if cell.by else ""
        quality = "none" if cell.why else told(cell.figures.get("quality"))
        figures = [told(cell.figures.get(name)) for name in known]
        names = (str(cell.shots), context_name(sweep, cell.context))
        rows.append((*names, quality, ("best, " if cell.target == sweep.best else "") + standing + by, *figures))
    return ("examples", "context", sweep.check, "standing", *(units[name] for name in known)), rows


def parts_table(sweep: Sweep) -> Rows:
    """Head and rows: mean tokens of a request, part by part, and of its answer."""
    rows: list[Sequence[str]] = []
    for cell in sweep.cells:
        tokens = cell.tokens
        parts = [tokens.system, tokens.shots, tokens.context, tokens.question]
        known = [tokens.rest, tokens.asked, tokens.answer]
        said = [f"{each:.1f}" for each in parts] + ["unknown" if each is None else f"{each:.1f}" for each in known]
        rows.append((str(cell.shots), context_name(sweep, cell.context), *said))
    head = ("examples", "context", "system", "shots", "passages", "question", "rest", "request", "answer")
    return head, rows


def steps_table(sweep: Sweep) -> Rows:
    """Head and rows: each cell against its neighbours and against the best."""
    rows: list[Sequence[str]] = []
    for step in sweep.steps:
        more = "unknown" if step.tokens is None else f"{step.tokens:+.0f}"
        rows.append((_ALONG[step.along], step.cell, step.to, step.word, *_difference(step), more, str(step.n)))
    return ("step", "from", "to", "shown", "difference", "bounds", "tokens", "cases"), rows


def _difference(step: SweepStep) -> tuple[str, str]:
    if step.difference is None or step.low is None or step.high is None:
        return "unknown", ""
    return f"{step.difference:+.3g}", f"{step.low:+.3g} to {step.high:+.3g}"


def findings(sweep: Sweep) -> list[str]:
    """What it comes to, in sentences: the best cell, where more examples stop paying, what is not comparable."""
    said: list[str] = []
    if sweep.best:
        cell = sweep.cell(sweep.best)
        said.append(
            f"Best measured: {called(sweep, cell)}, with {told(cell.figures['quality'])}. "
            "It was picked by looking, so its own figure is rather too good."
        )
    front = [each.target for each in sweep.cells if each.standing == "front"]
    if len(front) > 1:
        said.append(f"On the front: {', '.join(front)}.")
    for row in sweep.enough:
        where = f"With {context_name(sweep, row.context)}: " if len(sweep.enough) > 1 else ""
        if row.shots == row.tried:
            said.append(f"{where}{row.tried} examples are shown better than fewer; more were not tried.")
        else:
            more = "" if row.most is None else f"; they may be better by {row.most:.3g} at most"
            number = "1 example" if row.shots == 1 else f"{row.shots} examples"
            beyond = f"{where}{'beyond' if where else 'Beyond'} {number}, more (up to {row.tried})"
            said.append(f"{beyond} are not shown to be better{more}.")
    said += [f"{called(sweep, each)} is not comparable: {each.why}" for each in sweep.cells if each.why]
    return said


def counted(sweep: Sweep) -> str:
    how = "exactly" if sweep.exact else "roughly, as an estimate"
    return (
        f"Parts are counted {how}, by {sweep.counted_by}; request and answer are what the model reports. "
        "The rest is the chat's frame, and what a prompt of the gateway brings."
    )


def sweep_how(sweep: Sweep) -> str:
    claims = max(1, round(sweep.alpha / sweep.each))
    return _HOW.format(claims=claims, each=sweep.each, alpha=sweep.alpha, sure=1 - sweep.alpha)


def stands_on(sweep: Sweep) -> Mapping[str, str]:
    return {
        "run": sweep.run,
        "suite": sweep.suite,
        "check": f"{sweep.check} ({'less' if sweep.falling else 'more'} is better)",
        "examples": f"{sweep.examples or 'those that the cases bring'}{', ' + sweep.pick if sweep.pick else ''}",
        "cases": str(max((cell.cases for cell in sweep.cells), default=0)),
    }


def called(sweep: Sweep, cell: SweepCell) -> str:
    examples = "1 example" if cell.shots == 1 else f"{cell.shots} examples"
    return examples if cell.context is None else f"{examples}, {context_name(sweep, cell.context)}"


def sweep_markdown(sweep: Sweep) -> str:
    """Findings first."""
    return "\n".join(_lines(sweep)) + "\n"


def _lines(sweep: Sweep) -> Iterator[str]:
    yield from (f"## Sweep: {plain(sweep.name)}", "")
    yield from (f"- {plain(each)}" for each in findings(sweep))
    for rows, note in _tables(sweep):
        yield ""
        yield f"| {' | '.join(rows[0])} |"
        yield "|" + "---|" * len(rows[0])
        yield from (f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows[1])
        yield from ("", plain(note)) if note else ()


def _tables(sweep: Sweep) -> Sequence[tuple[Rows, str]]:
    facts: Rows = ("", ""), [(name, value) for name, value in stands_on(sweep).items()]
    return (
        (cells_table(sweep), sweep_how(sweep)),
        (parts_table(sweep), counted(sweep)),
        (steps_table(sweep), ""),
        (facts, ""),
    )


def sweep_html(sweep: Sweep) -> str:
    """Findings, the curve and the map, then the tables."""
    return page(f"Sweep: {sweep.name}", "\n".join(_body(sweep)))


def _body(sweep: Sweep) -> Iterator[str]:
    yield f"<h1>Sweep: {_safe(sweep.name)}</h1>"
    yield "<ul>" + "".join(f"<li>{_safe(each)}</li>" for each in findings(sweep)) + "</ul>"
    colours = {name: _NAMES[shade] for name, shade in _SHADES.items()}
    frame: dict[str, Any] = {"$schema": SCHEMA, "width": 320, "height": 220}
    yield '<div class="charts">'
    pictures = (("Quality, and what a request takes", curve), ("Quality, cell by cell", heat))
    for title, picture in pictures:
        yield f"<figure><figcaption>{title}</figcaption>{drawn({**frame, **picture(sweep, colours)})}</figure>"
    yield "</div>"
    titles = ("Cells", "Tokens of a request, part by part", "Step by step", "What it stands on")
    for title, (rows, note) in zip(titles, _tables(sweep), strict=True):
        yield f"<h2>{title}</h2>"
        yield from table(rows[0], [[_safe(cell) for cell in row] for row in rows[1]])
        yield f'<p class="muted">{_safe(note)}</p>' if note else ""


def _safe(text: str) -> str:
    return escape(printable(text))


SWEEP_FORMATS: Final[Mapping[str, Callable[[Sweep], str]]] = {"html": sweep_html, "markdown": sweep_markdown}
