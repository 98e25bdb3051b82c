"""A selection as others read it: Markdown, and one HTML file with the Pareto picture, which loads nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import msgspec

from genaiops.arena._criteria import UNITS, Criterion
from genaiops.arena._decision import Decision
from genaiops.arena._selecting import Candidate, Selection
from genaiops.arena.reports._charts import COLOURS, SCHEMA, drawn
from genaiops.arena.reports._html import page, table
from genaiops.arena.reports._markdown import plain
from genaiops.arena.reports._pareto import WORDS, panels, pareto, told
from genaiops.arena.reports._reported import printable

_NAMES: Final = {name: colour for colour, name in COLOURS.items()}
_SHADES: Final = {"front": "pass", "not_separable": "open", "dominated": "fail", "text": "text"}
HOW: Final = (
    "One candidate dominates another when it is shown better by one criterion and shown not worse, by more than its "
    "margin, by every other; each claim at {each:.2g}, all together at {alpha:g} (Bonferroni). Not separable: another "
    "one measured better or alike by every criterion, and these cases do not show that it is. "
    "Bounds of a candidate alone hold with {sure:.0%} confidence on each side."
)


def selection_html(selection: Selection, decision: Decision | None) -> str:
    """The decision, the picture, the candidates, then what it stands on."""
    return page(f"Selection: {selection.name}", "\n".join(_body(selection, decision)))


def _body(selection: Selection, decision: Decision | None) -> Iterator[str]:
    yield f"<h1>Selection: {_safe(selection.name)}</h1>"
    yield from _decision_html(decision)
    yield from _pictures(selection)
    yield "<h2>Candidates</h2>"
    head, rows = candidates(selection)
    yield from table(head, [[_safe(cell) for cell in row] for row in rows])
    yield f'<p class="muted">{_safe(how(selection))}</p>'
    yield "<h2>Pair by pair</h2>"
    head, rows = pairs(selection)
    yield from table(head, [[_safe(cell) for cell in row] for row in rows])
    for each in selection.candidates:
        if each.retrieval:
            yield f"<h2>What {_safe(each.target)} retrieves with</h2>"
            cells = [(_safe(name), _safe(value)) for name, value in retrieval(each).items()]
            yield from table(("field", "value"), cells)
    yield "<h2>What it stands on</h2>"
    yield from table(("", ""), [(_safe(name), _safe(value)) for name, value in stands_on(selection).items()])


def _decision_html(decision: Decision | None) -> Iterator[str]:
    if decision is None:
        yield '<p><span class="verdict open">NOT DECIDED</span> Nobody has chosen yet.</p>'
        return
    kind = "pass" if decision.state == "approved" else "open"
    yield f'<p><span class="verdict {kind}">{word_of(decision)}</span> <b>{_safe(decision.chosen)}</b></p>'
    yield "<ul>" + "".join(f"<li>{_safe(each)}</li>" for each in decision.reasons) + "</ul>"
    yield "".join(f'<p class="open">{_safe(each)}</p>' for each in decision.cautions)
    yield f'<p class="muted">{_safe(approved(decision))}</p>'


def _pictures(selection: Selection) -> Iterator[str]:
    colours = {name: _NAMES[shade] for name, shade in _SHADES.items()}
    yield '<div class="charts">'
    for across in panels(selection):
        spec: dict[str, Any] = {"$schema": SCHEMA, "width": 300, "height": 200, **pareto(selection, across, colours)}
        yield f"<figure><figcaption>Quality and {across}</figcaption>{drawn(spec)}</figure>"
    yield "</div>"


def selection_markdown(selection: Selection, decision: Decision | None) -> str:
    """The decision first."""
    return "\n".join(_lines(selection, decision)) + "\n"


def _lines(selection: Selection, decision: Decision | None) -> Iterator[str]:
    yield from (f"## Selection: {plain(selection.name)}", "")
    if decision is None:
        yield "**NOT DECIDED**: nobody has chosen yet."
    else:
        yield f"**{word_of(decision)}: {plain(decision.chosen)}**"
        yield ""
        yield from (f"- {plain(each)}" for each in decision.reasons)
        yield from (f"- Caution: {plain(each)}" for each in decision.cautions)
        yield from ("", plain(approved(decision)))
    yield ""
    yield from _marked(*candidates(selection))
    yield from ("", plain(how(selection)), "")
    yield from _marked(*pairs(selection))
    for each in selection.candidates:
        if each.retrieval:
            yield from ("", f"### What {plain(each.target)} retrieves with", "")
            yield from _marked(("field", "value"), list(retrieval(each).items()))
    yield from ("", "### What it stands on", "")
    yield from _marked(("fact", "value"), list(stands_on(selection).items()))


def _marked(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(plain(cell) for cell in row)} |"


def candidates(selection: Selection) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the table of candidates."""
    known: list[Criterion] = [each for each in selection.criteria if each != "risk"]
    titles = [selection.check if each == "quality" else f"{each}, {UNITS[each]}" for each in known]
    rows: list[Sequence[str]] = []
    for each in selection.candidates:
        standing = WORDS[each.standing] + (f" ({', '.join(each.by)})" if each.by else "")
        cells = [told(each.figures.get(name)) for name in known]
        licence, risk = _sourced(each.licence, each.licence_from), _sourced(each.risk, each.risk_from)
        facts = (licence, risk, each.not_allowed or "yes", each.note)
        rows.append((each.target, standing, *cells, *facts))
    return ("candidate", "standing", *titles, "licence", "risk", "allowed", "note"), rows


def _sourced(text: str, source: str) -> str:
    return "unknown" if not text else f"{text} ({source})" if source else text


def pairs(selection: Selection) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the table of pairs."""
    rows: list[Sequence[str]] = []
    for each in selection.pairs:
        bounds = "" if each.low is None or each.high is None else f"{each.low:+.3g} to {each.high:+.3g}"
        difference = "" if each.difference is None else f"{each.difference:+.4g}"
        rows.append((each.one, each.other, each.criterion, each.word, difference, bounds, f"{each.margin:.3g}"))
    return ("candidate", "against", "criterion", "shown", "difference, more is better", "bounds", "margin"), rows


def how(selection: Selection) -> str:
    unknown = f" Nothing is known of: {', '.join(selection.unknown)}." if selection.unknown else ""
    return HOW.format(each=selection.each, alpha=selection.alpha, sure=1 - selection.alpha) + unknown


def word_of(decision: Decision) -> str:
    """In capitals: chosen, or how far it is."""
    return "CHOSEN" if decision.state == "approved" else decision.state.upper()


def approved(decision: Decision) -> str:
    """Who proposed it, who approved it, or that nobody has."""
    said = f"Proposed by {decision.proposed_by}, {decision.at}. " if decision.proposed_by else ""
    if decision.state == "approved":
        said += f"Approved by {decision.approver}, {decision.approved_at or decision.at}."
    elif decision.state == "proposed":
        said += f"Nobody has approved it yet: it waits as {decision.approval}."
    elif decision.state == "refused":
        said += f"Refused by {decision.approver}."
    else:
        said += f"It is {decision.state}, and not approved."
    return said + (f" Kept as {decision.version}." if decision.version else "")


def retrieval(candidate: Candidate) -> Mapping[str, str]:
    """Field -> value, as it was given."""
    found = candidate.retrieval or {}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in found.items()
    }


def stands_on(selection: Selection) -> Mapping[str, str]:
    asked = selection.asked
    return {
        "run": selection.run,
        "suite": selection.suite,
        "check": f"{selection.check} ({'less' if selection.falling else 'more'} is better)",
        "licences that are allowed": ", ".join(asked.licences) or "all",
        "highest risk that is allowed": asked.most_risk or "any but unacceptable",
    }


def _safe(text: str) -> str:
    return escape(printable(text))


SELECTION_FORMATS: Final[Mapping[str, Callable[[Selection, Decision | None], str]]] = {
    "html": selection_html,
    "markdown": selection_markdown,
}
