"""Is anything wrong, what changed, what does it cost."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from litestar import Response, get

from genaiops.console._changes import marks, recent_changes
from genaiops.console._charts import overview_charts
from genaiops.console._format import change, count, duration, money, share
from genaiops.console._running import running
from genaiops.console._visit import Visit, Visiting
from genaiops.core.errors import UsageError
from genaiops.watch import Overview, budget_states, overview, target_health, trace_row_document

WINDOWS = {"1": "last hour", "24": "last 24 hours", "168": "last 7 days"}
_HIGH_ERROR_RATE = 0.05


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where to look."""

    kind: Literal["bad", "warn"]
    text: str
    path: str


class Tile(msgspec.Struct, frozen=True):
    """A figure beside the same figure of the window before. `rising` says whether more is worse."""

    label: str
    value: str
    change: str
    before: str
    note: str = ""
    bad: bool = False


@get("/", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    hours = visit.query.get("hours", "24")
    if hours not in WINDOWS:
        raise UsageError(f"hours is {hours!r}.", remedy=f"Use one of {', '.join(WINDOWS)}.", param="hours")
    telemetry, records = visit.services.stores.telemetry, visit.services.stores.records
    environment = visit.environment
    found = overview(
        telemetry,
        now_us=visit.now_us,
        hours=int(hours),
        where={"environment_id": environment} if environment else {},
    )
    drawn = marks(records, found.since_us)
    names = visit.services.hub.keys.names(row.group["key_id"] for row in found.top_keys)
    return visit.page(
        "overview.html",
        title="Overview",
        nav="overview",
        knows=("hours",),
        hours=hours,
        windows=WINDOWS,
        findings=findings(visit, found),
        tiles=tiles(found),
        charts=overview_charts(found.series, found.since_us, found.until_us, drawn),
        drawn=drawn,
        calls=found.now.calls,
        top_models=found.top_models,
        top_keys=[
            (each, names.get(each, each) or "no key", row)
            for row, each in ((row, row.group["key_id"]) for row in found.top_keys)
        ],
        errors=[trace_row_document(row) for row in found.recent_errors],
        changes=recent_changes(records),
    )


def findings(visit: Visit, found: Overview) -> Sequence[Finding]:
    """What is wrong, worst first. Empty: nothing of what is looked at here is wrong."""
    services = visit.services
    wrong: list[Finding] = []
    if services.folding.failing:
        wrong.append(Finding("bad", f"Traces cannot be stored: {services.folding.failing}", "/settings"))
    state = running(services.home.state)
    wrong += [
        Finding("bad", f"The process {process.name} is {process.state}", "/settings")
        for process in (state.processes if state is not None else ())
        if process.state not in {"ready", "stopping", "stopped"}
    ]
    gauges = services.stores.counters.gauges()
    targets = services.hub.targets.list()
    for health in target_health(services.stores.telemetry, targets, gauges, now_us=visit.now_us):
        if health.state in {"open", "half_open"}:
            word = "open" if health.state == "open" else "half open"
            wrong.append(Finding("bad", f"The breaker of the target {health.target_id} is {word}", "/gateway/targets"))
    budgets = services.hub.budgets.list()
    called = services.hub.scope_names(budget.scope for budget in budgets)
    for each in budget_states(budgets, services.stores.counters, now_us=visit.now_us):
        if each.state != "ok":
            scope = f"{each.budget.scope.kind} {called[each.budget.scope]}"
            text = f"The budget of the {scope} is used to {share(each.share)}"
            wrong.append(Finding("bad" if each.state == "exceeded" else "warn", text, "/gateway/budgets"))
    rate = found.now.error_rate
    if rate is not None and rate > _HIGH_ERROR_RATE:
        wrong.append(Finding("warn", f"{share(rate)} of the calls failed", "/traces?status=error"))
    return sorted(wrong, key=lambda finding: finding.kind)


def tiles(found: Overview) -> Sequence[Tile]:
    now, before = found.now, found.previous
    cost, cost_before = now.cost_nano, before.cost_nano
    tokens, tokens_before = now.input_tokens + now.output_tokens, before.input_tokens + before.output_tokens
    unknown = f"and {count(now.cost_unknown)} calls at an unknown price" if now.cost_unknown else ""
    return [
        Tile("Calls", count(now.calls), change(now.calls, before.calls), count(before.calls)),
        Tile(
            "Error rate",
            share(now.error_rate),
            change(now.error_rate, before.error_rate),
            share(before.error_rate),
            bad=(now.error_rate or 0) > _HIGH_ERROR_RATE,
        ),
        Tile("Latency p95", duration(now.p95_ms), change(now.p95_ms, before.p95_ms), duration(before.p95_ms)),
        Tile(
            "First token p50",
            duration(now.ttft_p50_ms),
            change(now.ttft_p50_ms, before.ttft_p50_ms),
            duration(before.ttft_p50_ms),
        ),
        Tile("Tokens", count(tokens), change(tokens, tokens_before), count(tokens_before)),
        Tile("Known cost", money(cost), change(cost, cost_before), money(cost_before), unknown),
    ]


HANDLERS: list[Any] = [show]
