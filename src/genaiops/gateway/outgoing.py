"""Whole answers on their way out: understood, ruled on by the guard, their images signed."""

import msgspec

from genaiops.gateway.answering import Whole, ruled, understood
from genaiops.gateway.asking_again import AskingAgain
from genaiops.gateway.call import Call
from genaiops.gateway.holding import Holding
from genaiops.gateway.large import LARGE
from genaiops.gateway.marking import Marking, NotMarked, refusal_of
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.trying import Try
from genaiops.ports.guard import GUARDED_AT_ONCE, Ruling
from genaiops.ports.providers import TokenEstimator


class Outgoing:
    """Of one worker. What does not go out has been settled and its client told when a method says None."""

    def __init__(
        self, holding: Holding, marking: Marking, estimator: TokenEstimator, settings: GatewaySettings
    ) -> None:
        self._holding = holding
        self._marking = marking
        self._estimator = estimator
        self._most = min(LARGE, settings.answer_limit)

    def at_once(self, call: Call, body: bytes) -> bool:
        """Whether nothing of an answer has to be waited for."""
        guard = call.guard
        most = self._most if guard is None else 0 if guard.waits else GUARDED_AT_ONCE
        return len(body) <= most and not self._marking.concerns(call, body)

    def now(self, call: Call, attempt: Try, body: bytes, kind: bytes) -> Whole | None:
        """Of an answer that need not wait."""
        whole = understood(call, attempt, body, self._estimator)
        if call.guard is None:
            return whole
        ruling = call.guard.answer(whole.body, kind)
        assert ruling is not None
        if ruling.stops:
            self._holding.stop(call, attempt, whole.answer, ruling)
            return None
        return ruled(call, whole, ruling)

    # size: an answer is of a try of a call, and has a type; who asks again is handed in by who tries
    async def whole(
        self, call: Call, attempt: Try, body: bytes, kind: bytes, asking_again: AskingAgain
    ) -> Whole | None:
        """Another answer is asked for first, where a rule wants one; what a person has to release is signed before it
        waits. None also where that other answer has gone out."""
        found = understood(call, attempt, body, self._estimator)
        ruling: Ruling | None = None
        if call.guard is not None:
            ruling = call.guard.answer(found.body, kind) or await call.guard.wait_answer(found.body, kind)
            if await asking_again.ask(call, attempt, found.answer, ruling.again):
                return None
            found = found._replace(body=ruling.body, kept=ruling.kept)
        if self._marking.concerns(call, found.body) and found.body:
            versions = (found.body,) if found.kept is None else (found.body, found.kept)
            try:
                marked = await self._marking.marked(call, attempt, versions)
            except NotMarked as error:
                self._holding.withhold(call, attempt, found.answer, refusal_of(error))
                return None
            found = found._replace(body=marked[0], kept=None if found.kept is None else marked[1])
            if ruling is not None:
                ruling = msgspec.structs.replace(ruling, body=found.body, kept=found.kept)
        if ruling is None:
            return found
        if ruling.stops:
            await self._holding.hold(call, attempt, found.answer, ruling, kind)
            return None
        return ruled(call, found, ruling)
