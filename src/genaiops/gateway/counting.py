"""How many tokens a prompt has, before anybody answers it: asked of the provider that would count them when it can be,
else estimated and marked so. Nothing is generated, so nothing is charged or traced; the key must be one that may call
the model. As many questions a minute are let through as calls are (as Anthropic does: beside the calls, not of them).
"""

from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError
from genaiops.gateway import guarding
from genaiops.gateway.admit import Grant
from genaiops.gateway.estimate import estimated
from genaiops.gateway.failure import Failure, of_answer, of_error
from genaiops.gateway.outside import identity, refuse_plainly
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.refusals import refuse
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.speech import CountingSpeech
from genaiops.gateway.upstream import clock
from genaiops.http1 import Exchange
from genaiops.http1.errors import UpstreamFault
from genaiops.ports.counters import Counters, Refusal, Shortage
from genaiops.ports.providers import TokenEstimator

_LIMIT = 1 << 20
"""Bytes of an answer."""

_TRIES = 3
_ASKERS = frozenset({400, 413, 422})
"""Statuses that say that the request is wrong: an estimate would hide that."""


class Counting:
    """Answers one question at a time with `serve`."""

    def __init__(self, estimator: TokenEstimator, settings: GatewaySettings, counters: Counters) -> None:
        self._estimator = estimator
        self._counters = counters
        self._settings = settings

    async def serve(self, exchange: Exchange, grant: Grant, speech: CountingSpeech) -> None:
        try:
            grant.check(exchange.peer, now_us())
            raw = await exchange.body(self._settings.body_limit)
            asked = speech.asked(raw)
            lineup = grant.resolve(asked.model, "chat")
            raw, guard = await guarding.let_through(grant, lineup, speech.dialect, raw)
            candidate = _first(lineup)
            known = await self._over(grant)
            if known is None and candidate is not None:
                known = await guarding.counted(guard, await self._told(candidate, raw, speech))
        except GenaiopsError as error:
            refuse_plainly(exchange, of_error(error), speech=speech)
            return
        if isinstance(known, Failure):
            refuse_plainly(exchange, known, speech=speech)
            return
        fields = identity()[1]
        if known is not None and candidate is not None:
            exchange.respond(200, [*fields, (b"x-genaiops-target", candidate.target.id.encode())], known)
            return
        tokens = estimated(self._estimator, "chat", raw, "").input_tokens
        tokens += asked.dense * self._settings.image_tokens
        exchange.respond(200, [*fields, (b"x-genaiops-estimated", b"1")], speech.counted(tokens))

    async def _over(self, grant: Grant) -> Failure | None:
        """The refusal, if there were too many of them already. Unavailable when other machines must be asked and
        cannot be."""
        lines = grant.lines.for_counting
        if not lines.all:
            return None
        at_us = now_us()
        windows = lines.windows or lines.turn(self._counters, at_us)  # rates have one window only
        amounts = (1,) * len(lines.all)
        found = windows.reserve(amounts, at_us)
        for _ in range(_TRIES):
            if isinstance(found, Shortage):
                found = await found.obtain() or windows.reserve(amounts, at_us)
        if not isinstance(found, Refusal):
            return None
        return refuse(lines.all[found.index], found, windows.holds[found.index], 1, at_us)

    async def _told(
        self, candidate: Candidate, raw: bytes | bytearray, speech: CountingSpeech
    ) -> bytes | Failure | None:
        """The provider's own answer, or what it says is wrong with the request. None: it does not count, or cannot be
        asked now."""
        upstream, target = candidate.upstream, candidate.target
        now = clock()
        if upstream.blocked(now) is not None:
            return None
        credential = upstream.credential(now)
        secret = credential.value if credential is not None else None
        wire = upstream.provider.count(raw, speech.dialect, target, secret)
        if wire is None:
            return None
        try:
            reply = await upstream.transport.send(wire, target, b"")
            try:
                body = await reply.read(_LIMIT)
            except BaseException:
                reply.abort()
                raise
        except UpstreamFault:
            return None
        if 200 <= reply.status < 300:
            return body
        if reply.status not in _ASKERS:
            return None
        error = upstream.provider.error(reply.status, reply.headers, body)
        if error.limits_credential:  # Google tells a wrong key so
            return None
        failure = of_answer(reply.status, error, target.id, self._settings.credential_rest).failure
        message = failure.message.replace(secret, "[secret]") if secret else failure.message
        return Failure(status=failure.status, type=failure.type, code=failure.code, message=message)


def _first(lineup: Lineup) -> Candidate | None:
    """Who most likely answers a call: of the equivalents the heaviest."""
    weighed = sorted(lineup.primary, key=lambda one: -one[1])
    return weighed[0][0] if weighed else None
