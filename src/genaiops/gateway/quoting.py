"""What a call would cost, and whether its limits would let it, without making it.

The bounds are those of the reservation, worked out by the same code from the same body. Expected are the tokens of the
prompt by estimate, and of the answer its cap or USUAL_OUTPUT tokens, whichever is less.
"""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Raw

from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import MEDIA, Budget, KeyEntry, Operation, Scope, Snapshot, Target, Usage
from genaiops.gateway.admit import Grant
from genaiops.gateway.asked import USUAL_OUTPUT
from genaiops.gateway.body import Body, answers, output_cap
from genaiops.gateway.bounds import bound, narrow
from genaiops.gateway.conditions import tags_of
from genaiops.gateway.deployed import PREFIX
from genaiops.gateway.endpoints import CALLS, locate
from genaiops.gateway.estimate import estimated
from genaiops.gateway.limits import Amounts, Line, Lines
from genaiops.gateway.plan import Candidate, Lineup, Plan
from genaiops.gateway.properties import metadata_of
from genaiops.gateway.releasing import reached, with_parameters, within
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import cost_of
from genaiops.gateway.upstream import Fleet
from genaiops.ports.counters import Counters
from genaiops.ports.providers import Provider, TokenEstimator, Transport
from genaiops.ports.secrets import SecretInfo

Role = Literal["target", "fallback", "context", "over_budget"]
_NOBODY = Scope("tenant", "")


class TargetQuote(msgspec.Struct, frozen=True, kw_only=True):
    """What the call would cost at one target, in nano-units; None: no price, or none that can say."""

    target_id: str
    provider: str
    upstream_model: str
    role: Role
    price_id: str | None
    price_version: int | None
    currency: str | None
    most_tokens: int
    expected_nano: int | None
    most_nano: int | None


class LimitQuote(msgspec.Struct, frozen=True, kw_only=True):
    """One limit that the call stands under, in units of its meter. `amount` would be reserved. So many such calls it
    would let through `at_once` (None: it needs nothing of it); and `in_a_row`, each settled at what is expected (None:
    that is not known)."""

    limit_id: str
    scope: Scope
    meter: str
    currency: str | None
    hard: bool
    limit: int
    settled: int
    reserved: int
    amount: int
    at_once: int | None
    in_a_row: int | None


class PlanQuote(msgspec.Struct, frozen=True, kw_only=True):
    """Who would serve, and what would be reserved: `most_tokens`, and money by currency. `refused_by`: the hard limit
    that would say no now, or why there is nothing to reserve."""

    targets: tuple[TargetQuote, ...]
    most_tokens: int
    most_nano: dict[str, int]
    limits: tuple[LimitQuote, ...]
    refused_by: str | None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """`input_tokens` and `output_tokens` are expected; None: nobody counts them beforehand. `over_budget`: what
    would serve when a budget refuses the usual ones."""

    model: str
    operation: Operation
    estimator: str
    input_tokens: int | None
    output_tokens: int | None
    usual: PlanQuote
    over_budget: PlanQuote | None


class Expected(msgspec.Struct, frozen=True):
    """Tokens that somebody knows better than an estimate (None: nobody does)."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class Draft:
    """A call as far as its bound needs one (see `bounds.Sized`)."""

    def __init__(self, lines: Lines, lineup: Lineup, body: Body, operation: Operation, raw: bytes, at_us: int) -> None:
        self.lines = lines
        self.lineup: Lineup | None = lineup
        self.body: Body | None = body
        self.operation: Operation = operation
        self.raw: bytes | bytearray = raw
        self.start_us = at_us
        self.inject = False

    def with_(self, lines: Lines, lineup: Lineup) -> "Draft":
        assert self.body is not None
        return Draft(lines, lineup, self.body, self.operation, bytes(self.raw), self.start_us)


class Quoting:
    """`providers` as the gateway has them; `counters` are only read."""

    def __init__(self, providers: Callable[[str], Provider], counters: Counters, estimator: TokenEstimator) -> None:
        self._providers = providers
        self._counters = counters
        self._estimator = estimator
        self._image_tokens = GatewaySettings().image_tokens

    def quote(
        self, snapshot: Snapshot, key: KeyEntry, path: str, raw: bytes, expected: Expected, *, at_us: int
    ) -> Quote:
        """Of a request to `path` with the body `raw` by that key. Raises what would refuse the call before its limits
        are looked at."""
        place = locate("POST", path)
        operation = place.operation
        if operation is None or operation == "transcription":
            able = ", ".join(each for each, (one, _) in CALLS.items() if one != "transcription")
            raise UsageError(f"Calls of {path} are not estimated.", remedy=f"Use one of {able}.", param="path")
        grant = Grant(key, Plan(snapshot, Fleet(self._providers, _no_transport, _NoSecrets())))
        body = place.speech.decode(operation, raw, b"application/json")
        name = body.model
        if name.startswith(PREFIX):
            deployed = reached(grant, name)
            release = max(deployed.releases, key=lambda one: one.weight)
            if release.prompt is not None:
                raise UsageError(
                    f"The release of {name!r} has a prompt, and what that adds is not estimated.",
                    remedy="Estimate the model itself, with all messages.",
                    code="prompt_pinned",
                    param="model",
                )
            grant, name = within(grant, deployed), release.model
            raw = bytes(with_parameters(raw, place.speech.dialect, operation, release))
            body = place.speech.decode(operation, raw, b"application/json")
        tags = tags_of(None, metadata_of(body.metadata) if isinstance(body.metadata, Raw) else None)
        lineup = grant.resolve(name, operation)
        draft = Draft(grant.lines, grant.tagged(lineup, tags) if tags else lineup, body, operation, raw, at_us)
        usage = self._usage(draft, expected)
        other = grant.over_budget(name, operation, "estimate")
        instead = draft.with_(grant.lines, grant.tagged(other, tags) if tags else other) if other is not None else None
        return Quote(
            model=body.model,
            operation=operation,
            estimator=self._estimator.name if expected.input_tokens is None else "given",
            input_tokens=None if usage is None else usage.input_tokens,
            output_tokens=None if usage is None else usage.output_tokens,
            usual=self._plan(draft, usage),
            over_budget=None if instead is None else self._plan(instead, usage),
        )

    def _usage(self, draft: Draft, expected: Expected) -> Usage | None:
        if draft.operation in MEDIA:
            return None
        body = draft.body
        assert body is not None
        into, out = expected.input_tokens, expected.output_tokens
        if into is None:
            into = estimated(self._estimator, draft.operation, draft.raw, "").input_tokens
        if out is None:
            out = min(output_cap(body) or USUAL_OUTPUT, USUAL_OUTPUT) * answers(body)
        return Usage(into, output_text=0 if draft.operation == "embeddings" else out)

    def _plan(self, draft: Draft, usage: Usage | None) -> PlanQuote:
        lineup = draft.lineup
        assert lineup is not None
        limits: tuple[LimitQuote, ...] = ()
        refused_by: str | None = None
        targets = tuple(self._target(draft, lineup, one, usage) for one in lineup.all)
        try:
            if draft.lines.strict:
                narrow(draft)
            amounts = bound(draft, self._image_tokens)
        except GenaiopsError as error:
            refused_by = str(error)
        else:
            limits = self._limits(draft, amounts, targets, usage)
            full = [one.limit_id for one in limits if one.hard and one.at_once == 0]
            refused_by = full[0] if full else None
        served = draft.lineup
        assert served is not None
        currencies = sorted({one.currency for one in targets if one.currency is not None})
        tokens, *money = self._most(draft, served, currencies)
        return PlanQuote(
            targets=targets,
            most_tokens=tokens,
            most_nano=dict(zip(currencies, money, strict=True)),
            limits=limits,
            refused_by=refused_by,
        )

    def _most(self, draft: Draft, lineup: Lineup, currencies: list[str]) -> list[int]:
        """Tokens, then money in each currency: what limits on them would reserve."""
        lines = [Line("tokens", budget=_counted("tokens", ""))]
        lines += [Line("money", budget=_counted("money", currency)) for currency in currencies]
        return list(bound(draft.with_(Lines(lines), lineup), self._image_tokens)[2:])

    def _target(self, draft: Draft, lineup: Lineup, one: Candidate, usage: Usage | None) -> TargetQuote:
        price = one.price(draft.start_us)
        currencies = [] if price is None else [price.currency]
        tokens, *money = self._most(draft, Lineup(lineup.name, None, ((one, 1),)), currencies)
        return TargetQuote(
            target_id=one.target.id,
            provider=one.target.provider,
            upstream_model=one.target.upstream_model,
            role=_role(lineup, one),
            price_id=None if price is None else price.id,
            price_version=None if price is None else price.version,
            currency=None if price is None else price.currency,
            most_tokens=tokens,
            expected_nano=None if usage is None else cost_of(usage, one, draft.start_us).nano,
            most_nano=money[0] if money else None,
        )

    def _limits(
        self, draft: Draft, amounts: Amounts, targets: tuple[TargetQuote, ...], usage: Usage | None
    ) -> tuple[LimitQuote, ...]:
        found: list[LimitQuote] = []
        for line, amount in zip(draft.lines.all, draft.lines.by_line(amounts), strict=True):
            hold = line.hold(draft.start_us)
            limit = line.budget.limit if line.budget is not None else line.limit or 0
            reading = self._counters.read(hold.key, hold.window_us, draft.start_us)
            left = max(0, limit - reading.settled - reading.reserved)
            each = _expected(line, targets, usage)
            owner = line.budget or line.rate_limit
            assert owner is not None
            found.append(
                LimitQuote(
                    limit_id=line.key,
                    scope=owner.scope,
                    meter=line.meter,
                    currency=line.budget.currency if line.budget is not None and line.meter == "money" else None,
                    hard=line.hard,
                    limit=limit,
                    settled=reading.settled,
                    reserved=reading.reserved,
                    amount=amount,
                    at_once=left // amount if amount else None,
                    in_a_row=None if not each else 0 if left < amount else 1 + (left - amount) // each,
                )
            )
        return tuple(found)


def _expected(line: Line, targets: tuple[TargetQuote, ...], usage: Usage | None) -> int | None:
    """What such a call is expected to leave on a budget, at the dearest of its usual targets."""
    if line.budget is None:
        return None
    if line.meter == "calls":
        return 1
    if line.meter == "tokens":
        return None if usage is None else usage.total_tokens
    usual = [one for one in targets if one.role == "target" and one.currency == line.budget.currency]
    known = [one.expected_nano for one in usual if one.expected_nano is not None]
    return max(known) if known and len(known) == len(usual) else None


def _role(lineup: Lineup, one: Candidate) -> Role:
    if lineup.because:
        return "over_budget"
    if any(one is each for each, _ in lineup.primary):
        return "target"
    return "fallback" if one in lineup.fallbacks else "context"


def _counted(meter: Literal["tokens", "money"], currency: str) -> Budget:
    """A budget that nobody set, which counts and refuses nothing."""
    return Budget(id=new_id("est"), scope=_NOBODY, meter=meter, limit=0, hard=False, currency=currency, created_us=0)


class _NoSecrets:
    """Nothing is sent, so nothing is needed."""

    def get(self, name: str) -> str | None:  # noqa: ARG002
        return None

    def put(self, name: str, value: str) -> None:
        raise NotImplementedError

    def remove(self, name: str) -> None:
        raise NotImplementedError

    def names(self) -> list[SecretInfo]:
        return []

    def rotate_key(self) -> None:
        raise NotImplementedError


def _no_transport(target: Target) -> Transport:
    raise NotImplementedError  # an upstream opens none before a call


def sized(path: str, model: str, expected: Expected) -> bytes:
    """A body of so many tokens, four bytes each, which is what text takes by rule of thumb; its cap is what it is
    expected to make. UsageError for an operation whose cost is not one of tokens."""
    into, out = expected.input_tokens or 0, expected.output_tokens
    operation = locate("POST", path).operation
    if operation not in ("chat", "text_completion", "embeddings") or path in ("/v1/messages", "/v1/responses"):
        raise UsageError(
            f"Calls of {path} cannot be told by their tokens alone.", remedy="Give the body.", param="input_tokens"
        )
    caps = {} if out is None or operation == "embeddings" else {"max_tokens": max(1, out)}

    def made(text: str) -> bytes:
        if operation == "chat":
            return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": text}], **caps})
        return msgspec.json.encode(
            {"model": model, "prompt" if operation == "text_completion" else "input": text, **caps}
        )

    return made("a" * max(1, 4 * into - len(made(""))))
