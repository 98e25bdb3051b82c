"""Another answer where a rule finds that one is not what was asked for: its model gets that answer and what is wrong
with it, and says it again.

Only of an answer of which nothing has gone out, from the same target, within the time that the call has for its tries,
and only when the limits of the key hold a try of that size. Each answer is a try of its own in the trace, and is paid
for. Where nobody can be asked, what follows is what the rule says of the answer that is there.
"""

from typing import TYPE_CHECKING

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.dialects.again import asked_again
from genaiops.domain import Decision
from genaiops.gateway.body import answers
from genaiops.gateway.bounds import bound
from genaiops.gateway.call import Call
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, cost_of
from genaiops.gateway.trying import Try
from genaiops.gateway.upstream import clock
from genaiops.ports.guard import Again
from genaiops.ports.providers import Answer

if TYPE_CHECKING:
    from genaiops.gateway.attempts import Attempts


class AskingAgain:
    """Of one worker."""

    def __init__(self, attempts: "Attempts", books: Books, settings: GatewaySettings) -> None:
        self._attempts = attempts
        self._books = books
        self._settings = settings

    async def ask(self, call: Call, attempt: Try, answer: Answer, again: Again | None) -> bool:
        """Whether the call has ended with another answer. `answer`, with its usage, is that of the try which is over
        then; `again` None: nobody wants another one."""
        body = None if again is None else self._body(call, attempt, again)
        if body is None or again is None:
            return False
        assert call.guard is not None
        assert answer.usage is not None
        cost = cost_of(answer.usage, attempt.candidate, call.start_us)
        attempt.end("ok", usage=answer.usage, cost=cost, answer=answer)
        call.guard.ask_again(again)
        candidate = attempt.candidate
        note = f"the answer before did not meet the rule {again.rule!r}"
        decision = Decision("in order", (candidate.target.id,), note=note)
        second = Try(call, candidate, candidate.upstream.credential(clock()), "asked_again", decision)
        former, call.again = call.again, body
        await self._attempts.once_more(call, second)
        if not call.settled:
            call.again = former
            call.guard.keep_answer()
        return call.settled

    def _body(self, call: Call, attempt: Try, again: Again) -> bytes | None:
        """What the model is asked now; None: it cannot be."""
        lineup, asked = call.lineup, call.body
        assert lineup is not None
        if asked is None or answers(asked) > 1 or clock() >= (call.began or clock()) + lineup.retry.deadline:
            return None
        if attempt.candidate.upstream.blocked(clock()) is not None:
            return None
        try:
            body = asked_again(call.operation, call.speech.dialect, call.raw, again.said, again.told)
            if body is None or not self._books.extend(call, bound(call, self._settings.image_tokens, body)):
                return None
        except (msgspec.MsgspecError, GenaiopsError):
            return None
        return body
