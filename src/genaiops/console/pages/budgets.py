"""Budgets: what is used, what is held by running calls, and where it goes."""

from typing import Any, cast, get_args

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Visiting, field, redirect
from genaiops.console.pages.gateway import SCOPES, read_scope
from genaiops.core.clock import Period
from genaiops.core.errors import GenaiopsError
from genaiops.hub import NewBudget, show_limit
from genaiops.watch import budget_states


@get("/gateway/budgets", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    budgets = visit.services.hub.budgets.list()
    states = budget_states(budgets, visit.services.stores.counters, now_us=visit.now_us)
    return visit.page(
        "budgets.html",
        title="Gateway",
        nav="gateway",
        tab="budgets",
        states=[(state, show_limit(state.budget)) for state in states],
        scopes=SCOPES,
        periods=get_args(Period),
        may_change=visit.can("budgets"),
    )


@post("/gateway/budgets", sync_to_thread=True)
def make(visit: Visiting) -> Response[None]:
    visit.require("budgets")
    try:
        new = NewBudget(
            scope=read_scope(visit.form),
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
    visit.services.hub.budgets.remove(budget_id, by=visit.actor.id)
    visit.publish()
    visit.say("The budget is gone.")
    return redirect(visit.link("/gateway/budgets"))


HANDLERS: list[Any] = [show, make, reset, remove]
