"""Budgets: what is used, what is held by running calls, and where it goes."""

from typing import Any, cast, get_args

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console import _meters as meters
from genaiops.console._meters import Budgeted
from genaiops.console._undo import Undo
from genaiops.console._visit import Visiting, field, redirect
from genaiops.console.pages.gateway import SCOPES, read_scope
from genaiops.core.clock import Period
from genaiops.core.errors import GenaiopsError
from genaiops.hub import NewBudget, show_limit
from genaiops.watch import budget_forecasts, budget_states, budget_unknowns

CHARTED = 20
"""The budgets that are used the most stand in the chart; the table has all."""


@get("/gateway/budgets", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    budgets = visit.services.hub.budgets.list()
    stores = visit.services.stores
    states = budget_states(budgets, stores.counters, now_us=visit.now_us)
    forecasts = budget_forecasts(stores.telemetry, states, now_us=visit.now_us)
    unknowns = budget_unknowns(stores.telemetry, states, now_us=visit.now_us)
    names = visit.services.hub.scope_names(budget.scope for budget in budgets)
    lines = [
        Budgeted(names[state.budget.scope], state, forecast, unknown)
        for state, forecast, unknown in zip(states, forecasts, unknowns, strict=True)
    ]
    lines.sort(key=lambda line: -line.state.share)
    return visit.page(
        "budgets.html",
        title="Gateway",
        nav="gateway",
        tab="budgets",
        lines=[(line, show_limit(line.state.budget)) for line in lines],
        chart=meters.budgets(lines[:CHARTED]) if lines else None,
        in_energy=any(line.state.budget.meter == "energy" for line in lines),
        scopes=SCOPES,
        periods=get_args(Period),
        may_change=visit.can("budgets"),
    )


@post("/gateway/budgets", sync_to_thread=True)
def make(visit: Visiting) -> Response[None]:
    visit.require("budgets")
    try:
        new = NewBudget(
            scope=read_scope(visit),
            limit=field(visit.form, "limit"),
            hard=field(visit.form, "hard") == "yes",
            period=cast("Period", field(visit.form, "period")),
            timezone=field(visit.form, "timezone"),
        )
        budget = visit.services.hub.budgets.create(new, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say(f"The budget of {show_limit(budget)} is in force.")
    return redirect(visit.link("/gateway/budgets"))


@post("/gateway/budgets/{budget_id:str}/limit", sync_to_thread=True)
def change(visit: Visiting, budget_id: FromPath[str]) -> Response[None]:
    """Another limit of the same meter; what was used counts on."""
    visit.require("budgets")
    budgets, by = visit.services.hub.budgets, visit.actor.id
    former = budgets.get(budget_id)
    try:
        budget = budgets.set_limit(budget_id, field(visit.form, "limit"), by=by)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        before = show_limit(former)
        back = Undo("budgets", lambda: budgets.set_limit(budget_id, before, by=by), f"The limit is {before} again.")
        visit.say(f"The limit is now {show_limit(budget)}.", undo=back)
    return redirect(visit.link("/gateway/budgets"))


@post("/gateway/budgets/{budget_id:str}/reset", sync_to_thread=True)
def reset(visit: Visiting, budget_id: FromPath[str]) -> Response[None]:
    visit.require("budgets")
    visit.services.hub.budgets.reset(budget_id, by=visit.actor.id)
    visit.publish()
    visit.say("The period of the budget begins anew.")
    return redirect(visit.link("/gateway/budgets"))


@post("/gateway/budgets/{budget_id:str}/remove", sync_to_thread=True)
def remove(visit: Visiting, budget_id: FromPath[str]) -> Response[None]:
    visit.require("budgets")
    budgets, by = visit.services.hub.budgets, visit.actor.id
    budget = budgets.get(budget_id)
    budgets.remove(budget_id, by=by)
    visit.publish()
    again = NewBudget(
        scope=budget.scope,
        limit=show_limit(budget),
        hard=budget.hard,
        period=budget.period,
        timezone=budget.timezone,
        warn_at=budget.warn_at,
    )
    done = "The budget is there again, with what its period has used so far."
    visit.say("The budget is gone.", undo=Undo("budgets", lambda: budgets.create(again, by=by), done))
    return redirect(visit.link("/gateway/budgets"))


HANDLERS: list[Any] = [show, make, change, reset, remove]
