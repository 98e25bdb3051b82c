"""What of a request counts when its target is chosen."""

from typing import TYPE_CHECKING

from genaiops.core.clock import now_us
from genaiops.domain import Sticky
from genaiops.gateway.body import answers, dense_parts, output_cap
from genaiops.gateway.estimate import estimated
from genaiops.gateway.limits import TEMPLATE_TOKENS
from genaiops.ports.providers import TokenEstimator

if TYPE_CHECKING:
    from genaiops.gateway.call import Call

USUAL_OUTPUT = 300
"""Tokens of an answer whose request sets no cap, where targets are compared by cost."""


class Asked:
    """`sticky`: who keeps a target (empty: nobody does). `into`, `out`: tokens expected, by estimate. `needs`: tokens
    of context that the request needs by estimate; 0 when it surely fits anywhere. `small`: ids of targets that said
    themselves that it is too long for them."""

    __slots__ = ("at_us", "into", "needs", "out", "small", "sticky", "streamed")

    def __init__(
        self,
        *,
        sticky: str = "",
        into: int = 0,
        out: int = 0,
        needs: int = 0,
        streamed: bool = False,
        at_us: int | None = None,
    ) -> None:
        self.sticky = sticky
        self.into = into
        self.out = out
        self.needs = needs
        self.streamed = streamed
        self.at_us = now_us() if at_us is None else at_us
        self.small: tuple[str, ...] = ()

    def too_long_for(self, target_id: str, window: int | None) -> "Asked":
        """The same after a provider refused it as too long."""
        asked = Asked(
            sticky=self.sticky,
            into=self.into,
            out=self.out,
            needs=max(self.needs, (window or 0) + 1),
            streamed=self.streamed,
            at_us=self.at_us,
        )
        asked.small = (*self.small, target_id)
        return asked


NOTHING = Asked(at_us=0)


def ask(call: "Call", estimator: TokenEstimator, image_tokens: int) -> Asked:
    """What counts of this call at its line-up."""
    lineup, body = call.lineup, call.body
    assert lineup is not None
    assert body is not None
    cap = output_cap(body)
    into = len(call.raw)
    needs = 0
    if call.operation != "embeddings":  # whose inputs have a context each
        # No text has more tokens than bytes: most requests need no estimate.
        most = into + TEMPLATE_TOKENS + (cap or 1)
        if most <= lineup.shortest:
            most += dense_parts(body, call.raw) * image_tokens
        if most > lineup.shortest:
            needs = estimated(estimator, call.operation, call.raw, "").input_tokens + (cap or 1)
            needs = needs if needs > lineup.shortest else 0
    if not needs and not lineup.looks:
        return NOTHING
    out = (USUAL_OUTPUT if cap is None else cap) * answers(body) if call.operation != "embeddings" else 0
    return Asked(
        sticky=_sticky(call, lineup.sticky) if lineup.sticky is not None else "",
        into=into // 4,
        out=out,
        needs=needs,
        streamed=call.streamed,
        at_us=call.start_us,
    )


def _sticky(call: "Call", by: Sticky) -> str:
    entry = call.key.entry
    if by == "key":
        who: str | None = entry.key_id
    elif by == "session":
        who = call.session
    else:
        who = call.user_id if by == "label" or call.user_verified else None
    return f"{entry.tenant_id}\0{by}\0{who}" if who else ""
