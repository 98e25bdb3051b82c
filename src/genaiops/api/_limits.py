"""`/api/budgets` and `/api/limits`."""

from collections.abc import Sequence

import msgspec
from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from genaiops.api._access import Calling, needs
from genaiops.api._documents import (
    BudgetDocument,
    Listing,
    RateLimitDocument,
    ScopeDocument,
    shown,
    shown_scope,
    time_or_none,
)
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.clock import Period, now_us
from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano
from genaiops.domain import Budget, RateLimit, Scope
from genaiops.hub import Hub, NewBudget, NewRateLimit
from genaiops.watch import BudgetState, Forecast, budget_forecasts, budget_states, budget_unknowns


class NewBudgetRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limit` as people write it: `25 USD`, `5 kWh`, `1M tokens`, `1000 calls`. A hard budget refuses the call that
    could exceed it, a soft one only warns, at the shares `warn_at`."""

    scope: ScopeDocument
    limit: str
    hard: bool = True
    period: Period = "month"
    timezone: str = "UTC"
    warn_at: tuple[float, ...] = (0.8, 1.0)


class BudgetPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes. The new limit is one of the same meter."""

    limit: str | UnsetType = UNSET
    hard: bool | UnsetType = UNSET


class RateLimitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Null: no limit of that kind; at least one is set."""

    scope: ScopeDocument
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class BudgetsController(Controller):
    path = "/budgets"
    tags = ("Limits",)

    @get(summary="List budgets", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[BudgetDocument]:
        """Each with how it stands in its current window."""
        return Listing(_shown_all(services, services.hub.budgets.list()))

    @post(summary="Make a budget", guards=[needs("budgets")])
    async def create(
        self, data: JSONBody[NewBudgetRequest], services: Serving, caller: Calling
    ) -> Response[BudgetDocument]:
        """It begins with what was used in its period already, as far as traces tell."""

        def work() -> Budget:
            fields = msgspec.structs.asdict(data)
            fields["scope"] = _scope(data.scope)
            return services.hub.budgets.create(NewBudget(**fields), by=caller.actor.id)

        return _with_state(services, await write(services, work, status=201))

    @get("/{budget_id:str}", summary="One budget", guards=[needs("read")], sync_to_thread=True)
    def one(self, budget_id: FromPath[str], services: Serving) -> BudgetDocument:
        """With how it stands in its current window."""
        return _shown_all(services, [services.hub.budgets.get(budget_id)])[0]

    @patch("/{budget_id:str}", summary="Change a budget", guards=[needs("budgets")])
    async def change(
        self, budget_id: FromPath[str], data: JSONBody[BudgetPatch], services: Serving, caller: Calling
    ) -> Response[BudgetDocument]:
        """Its limit, or whether it is hard. What was used in this window counts on."""

        def work() -> Budget:
            budgets = services.hub.budgets
            if data.limit is UNSET and data.hard is UNSET:
                raise UsageError("The change is empty.", remedy="Give limit or hard.")
            budget = budgets.get(budget_id)
            if data.limit is not UNSET:
                budget = budgets.set_limit(budget_id, data.limit, by=caller.actor.id)
            return budget if data.hard is UNSET else budgets.set_hard(budget_id, data.hard, by=caller.actor.id)

        return _with_state(services, await write(services, work))

    @post("/{budget_id:str}/reset", summary="Begin a budget's window anew", guards=[needs("budgets")], status_code=200)
    async def reset(self, budget_id: FromPath[str], services: Serving, caller: Calling) -> Response[BudgetDocument]:
        """What was settled so far no longer counts; what calls under way hold is kept."""
        done = await write(services, lambda: services.hub.budgets.reset(budget_id, by=caller.actor.id))
        return _with_state(services, done)

    @delete("/{budget_id:str}", summary="Remove a budget", guards=[needs("budgets")], status_code=200)
    async def remove(self, budget_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """From now on nothing is counted for it."""
        return await write(services, lambda: services.hub.budgets.remove(budget_id, by=caller.actor.id))


class LimitsController(Controller):
    path = "/limits"
    tags = ("Limits",)

    @get(summary="List rate limits", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[RateLimitDocument]:
        """At most one for each scope."""
        return Listing(_limits(services.hub, services.hub.rate_limits.list()))

    @post(summary="Make a rate limit", guards=[needs("budgets")])
    async def create(
        self, data: JSONBody[RateLimitRequest], services: Serving, caller: Calling
    ) -> Response[RateLimitDocument]:
        """409 when that scope has one already."""

        def work() -> RateLimitDocument:
            made = services.hub.rate_limits.create(_new_limit(data), by=caller.actor.id)
            return _limits(services.hub, [made])[0]

        return await write(services, work, status=201)

    @get("/{limit_id:str}", summary="One rate limit", guards=[needs("read")], sync_to_thread=True)
    def one(self, limit_id: FromPath[str], services: Serving) -> RateLimitDocument:
        """By its id."""
        return _limits(services.hub, [services.hub.rate_limits.get(limit_id)])[0]

    @put("/{limit_id:str}", summary="Replace a rate limit", guards=[needs("budgets")])
    async def replace(
        self, limit_id: FromPath[str], data: JSONBody[RateLimitRequest], services: Serving, caller: Calling
    ) -> Response[RateLimitDocument]:
        """Other numbers for the same scope."""

        def work() -> RateLimitDocument:
            now = services.hub.rate_limits.replace(limit_id, _new_limit(data), by=caller.actor.id)
            return _limits(services.hub, [now])[0]

        return await write(services, work)

    @delete("/{limit_id:str}", summary="Remove a rate limit", guards=[needs("budgets")], status_code=200)
    async def remove(self, limit_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """Its scope is no longer limited."""
        return await write(services, lambda: services.hub.rate_limits.remove(limit_id, by=caller.actor.id))


def _limits(hub: Hub, limits: Sequence[RateLimit]) -> list[RateLimitDocument]:
    names = hub.scope_names(limit.scope for limit in limits)
    return [
        shown(limit, RateLimitDocument, scope=shown_scope(limit.scope), scope_name=names[limit.scope])
        for limit in limits
    ]


def _scope(scope: ScopeDocument) -> Scope:
    return Scope(scope.kind, scope.id)


def _new_limit(data: RateLimitRequest) -> NewRateLimit:
    fields = msgspec.structs.asdict(data)
    fields["scope"] = _scope(data.scope)
    return NewRateLimit(**fields)


def _with_state(services: Services, answer: Response[Budget]) -> Response[BudgetDocument]:
    """The same answer with the budget as it stands after its publishing, when its counter has its beginning."""
    shown_now = _shown_all(services, [answer.content])[0]
    return Response(shown_now, status_code=answer.status_code, headers=answer.headers)


def _shown_all(services: Services, budgets: Sequence[Budget]) -> Sequence[BudgetDocument]:
    at_us = now_us()
    states = budget_states(budgets, services.counters, now_us=at_us)
    forecasts = budget_forecasts(services.telemetry, states, now_us=at_us)
    unknowns = budget_unknowns(services.telemetry, states, now_us=at_us)
    names = services.hub.scope_names(budget.scope for budget in budgets)
    return [
        _shown(state, forecast, unknown, names[state.budget.scope])
        for state, forecast, unknown in zip(states, forecasts, unknowns, strict=True)
    ]


def _shown(state: BudgetState, forecast: Forecast | None, unknown: int, name: str) -> BudgetDocument:
    budget = state.budget

    def text(amount: int) -> str:
        return from_nano(amount) if budget.in_nano else str(amount)

    def foreseen(amount: int | None) -> str | None:
        return None if amount is None else text(amount)

    return shown(
        budget,
        BudgetDocument,
        scope=shown_scope(budget.scope),
        scope_name=name,
        unit=budget.unit,
        limit=text(budget.limit),
        warn_at=budget.warn_at,  # shares, no time
        window_start_at=time_or_none(state.window_start_us),
        window_end_at=time_or_none(state.window_end_us),
        settled=text(state.settled),
        reserved=text(state.reserved),
        remaining=text(state.remaining),
        share=state.share,
        unknown=unknown,
        forecast=None if forecast is None else text(forecast.expected),
        forecast_low=None if forecast is None else foreseen(forecast.low),
        forecast_high=None if forecast is None else foreseen(forecast.high),
        forecast_method=None if forecast is None else forecast.method,
        state=state.state,
    )
