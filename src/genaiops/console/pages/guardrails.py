"""Guardrails: what guards blocked, took out or only noticed, rule by rule, and what people say of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._cache_charts import Span
from genaiops.console._filters import read_time
from genaiops.console._guard_charts import SHOWN, done, would_have
from genaiops.console._undo import Undo, if_unchanged
from genaiops.console._visit import Chip, Visit, Visiting, field, own_path, redirect
from genaiops.console.pages.traces import found_trace
from genaiops.core.errors import UsageError
from genaiops.domain import Direction, GuardAction, GuardVerdict, Mark
from genaiops.hub import GuardCases
from genaiops.ports.verdicts import GuardDimension, VerdictFilter
from genaiops.watch import (
    Marking,
    RuleFigures,
    found_verdict,
    guard_points,
    mark_note,
    mark_verdict,
    masked,
    rule_figures,
    verdict_row_document,
)

SPANS: Final = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
PAGE: Final = 25
EXAMPLES: Final = 6
_LONGEST_NOTE: Final = 2000
_LOOKED_FOR_EXAMPLES: Final = 40
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_CHIPS: Final = {
    "policy": "policy",
    "rule": "rule",
    "detector": "detector",
    "action": "action",
    "direction": "direction",
    "shadow": "in shadow",
    "marked": "marked",
    "key": "key",
}
"""Name in the address -> what the chip says."""
_SAID: Final[Mapping[str, str]] = {"right": "right", "false_alarm": "a false alarm"}


class Line(msgspec.Struct, frozen=True):
    """A verdict as pages show it: `preview` of the call without what looks like somebody's own, `key` by name, `note`
    of who marked it last."""

    verdict: Mapping[str, Any]
    preview: str
    key: str
    note: str = ""


@get("/guardrails", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    span = _span(visit)
    telemetry, where = visit.services.stores.telemetry, _where(visit)
    rules = rule_figures(telemetry, since_us=span.since_us, until_us=span.until_us, where=where)
    points = _points(visit, span, where)
    shadow = [each for each in rules if each.shadow]
    return visit.page(
        "guardrails.html",
        title="Guardrails",
        nav="guardrails",
        tab="overview",
        knows=("since",),
        rules=[each for each in rules if each.actions],
        shadow=shadow,
        totals={action: sum(each.did(action) for each in rules) for action in SHOWN},
        errors=sum(each.errors for each in rules),
        charts=[done(span, points), *([would_have(span, points)] if shadow else [])] if rules else [],
        examples=_examples(visit, span),
        shown=SHOWN,
        spans=SPANS,
        span=visit.query.get("since", "24h"),
    )


@get("/guardrails/verdicts", sync_to_thread=True)
def verdicts(visit: Visiting) -> Response[str]:
    return _list(visit, "verdicts", {}, {})


@get("/guardrails/rules/{place:path}", sync_to_thread=True)
def rule(visit: Visiting, place: FromPath[str]) -> Response[str]:
    """`place`: the policy's name, which may have slashes, and the rule's."""
    policy, _, name = place.lstrip("/").rpartition("/")
    span = _span(visit)
    where: dict[GuardDimension, str] = {**_where(visit), "policy": policy, "rule": name}
    found = rule_figures(visit.services.stores.telemetry, since_us=span.since_us, until_us=span.until_us, where=where)
    points = _points(visit, span, where)
    figures: RuleFigures | None = found[0] if found else None
    charts = [done(span, points)] if figures is not None and figures.actions else []
    if figures is not None and figures.shadow:
        charts.append(would_have(span, points))
    more: dict[str, Any] = {
        "policy": policy,
        "rule": name,
        "figures": figures,
        "charts": charts,
        "shown": SHOWN,
        "spans": SPANS,
        "span": visit.query.get("since", "24h"),
    }
    return _list(visit, "overview", {"policy": policy, "rule": name, "since": more["span"]}, more)


@post("/guardrails/mark", sync_to_thread=True)
def mark(visit: Visiting) -> Response[None]:
    """A person says that a verdict was right, or a false alarm; `mark` empty takes it back."""
    visit.require("playground")
    trace_id, verdict_id = field(visit.form, "trace"), field(visit.form, "verdict")
    said = visit.form.get("mark", "")
    if said not in ("", *get_args(Mark)):
        raise UsageError(f"{said[:40]!r} is no mark.", remedy="Use right or false_alarm.", param="mark")
    trace = found_trace(visit, trace_id)
    former = found_verdict(trace, verdict_id)
    former_note = mark_note(trace, former)
    note = visit.form.get("note", former_note if said else "").strip()[:_LONGEST_NOTE]
    marked, case = _mark(visit, trace_id, verdict_id, cast("Mark | None", said or None), note)
    name = marked.event.rule
    undo = Undo(
        "playground",
        if_unchanged(
            lambda: found_verdict(found_trace(visit, trace_id), verdict_id),
            marked,
            lambda: _mark(visit, trace_id, verdict_id, former.mark, former_note),
        ),
        f"The mark of {name} is as it was.",
    )
    if marked.mark is None:
        visit.say(f"What was said of {name} is taken back.", undo=undo)
    else:
        visit.say(f"{name} was {_SAID[marked.mark]}.{case}", undo=undo)
    return redirect(own_path(visit.form.get("back", "") or f"/traces/{trace_id}"))


def _mark(visit: Visit, trace_id: str, verdict_id: str, said: Mark | None, note: str) -> tuple[GuardVerdict, str]:
    """The verdict as it is now, and a sentence on the test case."""
    stores = visit.services.stores
    done_ = mark_verdict(
        stores.telemetry,
        stores.blobs,
        GuardCases(visit.services.hub, stores.blobs),
        found_trace(visit, trace_id),
        verdict_id,
        Marking(mark=said, note=note, at_us=visit.now_us, by=visit.actor.id),
    )
    why = {
        "kept": " The call is a test case of guard-cases now.",
        "no_content": " It is no test case: nothing of what was said is kept, or you may not read it.",
        "forbidden": " It is no test case: the cases belong to somebody else.",
    }
    return done_.verdict, why.get(done_.case, "")


def _list(visit: Visit, tab: str, fixed: Mapping[str, str], more: Mapping[str, Any]) -> Response[str]:
    """A page of verdicts, by the filters of the address and those of the page."""
    query = {**{name: value for name, value in visit.query.items() if name in (*_CHIPS, "since")}, **fixed}
    page = visit.services.stores.telemetry.verdicts(_filter(visit, query), cursor=visit.query.get("cursor"), limit=PAGE)
    chips = [
        Chip(label, visit.query[name], visit.same(**{name: None, "cursor": None}))
        for name, label in _CHIPS.items()
        if name in visit.query and name not in fixed
    ]
    return visit.page(
        "guard_rule.html" if more else "guard_verdicts.html",
        title="Guardrails",
        nav="guardrails",
        tab=tab,
        knows=(*_CHIPS, "since", "cursor"),
        lines=[_line(visit, each) for each in page.rows],
        next=visit.same(cursor=page.next) if page.next else None,
        first=visit.same(cursor=None) if "cursor" in visit.query else None,
        chips=chips,
        may_mark=visit.can("playground"),
        **more,
    )


def _filter(visit: Visit, query: Mapping[str, str]) -> VerdictFilter:
    """UsageError names the part of the address at fault."""
    key = query.get("key")
    return VerdictFilter(
        since_us=read_time(query.get("since"), visit.now_us),
        policy=query.get("policy"),
        rule=query.get("rule"),
        detector=query.get("detector"),
        action=cast("GuardAction | None", _one_of(query, "action", get_args(GuardAction))),
        direction=cast("Direction | None", _one_of(query, "direction", get_args(Direction))),
        shadow=_flag(query, "shadow"),
        marked=_flag(query, "marked"),
        environment_id=visit.environment,
        key_id=None if key is None else visit.key_id(key),
    )


def _one_of(query: Mapping[str, str], name: str, known: Sequence[str]) -> str | None:
    value = query.get(name)
    if value not in (None, *known):
        raise UsageError(f"{name} is {value!r}.", remedy=f"Use one of {', '.join(known)}.", param=name)
    return value


def _flag(query: Mapping[str, str], name: str) -> bool | None:
    value = _one_of(query, name, ("yes", "no"))
    return None if value is None else value == "yes"


def _examples(visit: Visit, span: Span) -> list[Line]:
    """The newest calls that something followed from, one of each rule first."""
    where = VerdictFilter(since_us=span.since_us, shadow=False, environment_id=visit.environment)
    page = visit.services.stores.telemetry.verdicts(where, limit=_LOOKED_FOR_EXAMPLES)
    rows = [each for each in page.rows if each.event.action != "allow"]
    firsts = {(each.policy_name, each.event.rule): each for each in reversed(rows)}
    chosen = {id(each) for each in firsts.values()}
    ordered = [*(each for each in rows if id(each) in chosen), *(each for each in rows if id(each) not in chosen)]
    return [_line(visit, each) for each in ordered[:EXAMPLES]]


def _line(visit: Visit, verdict: GuardVerdict) -> Line:
    trace = visit.services.stores.telemetry.trace(verdict.trace_id)
    root = next((span for span in trace.spans if span.span_id == verdict.call_id), None) if trace else None
    said = "" if root is None else root.output_preview if verdict.event.direction == "out" else root.input_preview
    note = mark_note(trace, verdict) if trace is not None else ""
    return Line(verdict_row_document(verdict), masked(said), visit.key_name(verdict.key_id), note)


def _span(visit: Visit) -> Span:
    """Whole hours or days up to now."""
    since = visit.query.get("since", "24h")
    if since not in SPANS:
        raise UsageError(f"since is {since!r}.", remedy=f"Use one of {', '.join(SPANS)}.", param="since")
    step = _HOUR_US if since == "24h" else _DAY_US
    since_us = (read_time(since, visit.now_us) or 0) // step * step + step
    return Span(since_us, visit.now_us + 1, step)


def _where(visit: Visit) -> dict[GuardDimension, str]:
    return {"environment_id": visit.environment} if visit.environment else {}


def _points(visit: Visit, span: Span, where: Mapping[GuardDimension, str]) -> Sequence[Any]:
    return guard_points(
        visit.services.stores.telemetry,
        since_us=span.since_us,
        until_us=span.until_us,
        step="hour" if span.step_us == _HOUR_US else "day",
        where=where,
    )


HANDLERS: list[Any] = [show, verdicts, rule, mark]
