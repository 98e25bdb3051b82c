"""What becomes of a call that a hard budget refuses: the route may name targets that serve it instead."""

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.gateway.asked import NOTHING, ask
from genaiops.gateway.bounds import bound, narrow
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.limits import Line
from genaiops.gateway.plan import Lineup
from genaiops.gateway.settle import Books
from genaiops.ports.providers import TokenEstimator


class OverBudget:
    def __init__(self, books: Books, estimator: TokenEstimator, image_tokens: int) -> None:
        self._books = books
        self._estimator = estimator
        self._image_tokens = image_tokens

    def reserve(self, call: Call, refusal: Failure) -> Failure | None:
        """After a limit refused the call: None when its route names others to go to and their bound is reserved.

        A refusal that other machines may lift stands until they were asked, and so does that of a limit on requests or
        at a time: cheaper targets are no remedy for it."""
        line = call.refused_by
        if (call.short is not None and not call.alone) or line is None or line.budget is None or line.meter == "calls":
            return refusal
        if line.session is not None:
            return refusal
        former = call.lineup
        try:
            lineup = self._instead(call, line)
            if lineup is None:
                return refusal
            call.short = None
            call.lineup = lineup
            call.asked = ask(call, self._estimator, self._image_tokens) if lineup.asks else NOTHING
            if call.lines.strict:
                narrow(call)
            again = self._books.reserve(call, call.lines, bound(call, self._image_tokens))
        except GenaiopsError as error:
            again = of_error(error)
        if again is None:
            self._books.tally.over_budget += 1
            return None
        if call.short is None:
            call.lineup = former
        return msgspec.structs.replace(
            refusal, message=f"{refusal.message} Nor may those serve it that are there for this case: {again.message}"
        )

    def _instead(self, call: Call, line: Line) -> Lineup | None:
        assert line.budget is not None
        scope = line.budget.scope
        because = f"the budget {line.key!r} of the {scope.kind} {scope.id!r} refused the usual targets"
        name = call.release.model if call.release is not None else call.model
        lineup = call.key.over_budget(name, call.operation, because)
        return call.key.tagged(lineup, call.tags) if lineup is not None and call.tags else lineup
