"""What the cache knows of one call: under which key it looks, what it found, and for how long."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from genaiops.domain import CachePolicy, Lookup
from genaiops.gateway.cache_answer import Remembered
from genaiops.gateway.cache_near import Question

if TYPE_CHECKING:
    from genaiops.gateway.call import Call
    from genaiops.gateway.settle import Ending

Ended = Callable[["Call", "Recall", "Ending | None"], None]


class Recall:
    """`max_age` in seconds; 0: the call takes no answer of before. `plain`: its answer is kept as it is sent."""

    __slots__ = (
        "_ended",
        "include_usage",
        "key",
        "leads",
        "lookup",
        "max_age",
        "namespace",
        "over",
        "plain",
        "policy",
        "question",
        "span_id",
        "start_ns",
        "start_us",
    )

    def __init__(self, call: "Call", policy: CachePolicy, key: bytes, max_age: float, ended: Ended) -> None:
        self.key = key
        self.policy = policy
        self.max_age = max_age
        self.namespace = policy.namespace
        self.plain = False
        self.include_usage = False
        self.question: Question | None = None
        self.leads = False
        self.over = False
        self.span_id = call.ids.span()
        self.start_ns = time.monotonic_ns()
        self.start_us = call.start_us + (self.start_ns - call.start_ns) // 1000
        self.lookup: Lookup | None = None
        self._ended = ended

    def fits(self, answer: Remembered) -> bool:
        """Whether it is not too old for this call."""
        return self.start_us - answer.stored_us < min(self.max_age, self.policy.ttl) * 1_000_000

    def hit(self, answer: Remembered) -> int:
        """Its age in microseconds. Clocks of machines may differ: it is never under 0."""
        near = self.question
        age = max(0, self.start_us - answer.stored_us)
        self.lookup = Lookup(
            self.span_id,
            "hit",
            "exact" if near is None or near.matched is None else "semantic",
            self.namespace,
            self.start_us,
            self._duration(),
            age,
            answer.trace_id,
            None if near is None or near.matched is None else near.similarity,
            answer.usage,
            answer.cost,
            answer.response_model,
            answer.finish_reason,
        )
        return age

    def miss(self, note: str | None = None) -> None:
        near = self.question
        self.lookup = Lookup(
            self.span_id,
            "miss",
            "exact" if near is None else "semantic",
            self.namespace,
            self.start_us,
            self._duration(),
            similarity=None if near is None else near.similarity,
            note=note or (near.note if near is not None else None),
        )

    def ended(self, call: "Call", ending: "Ending | None") -> None:
        """The call is settled (None: it was never sent)."""
        if not self.over:
            self.over = True
            self._ended(call, self, ending)

    def _duration(self) -> int:
        return (time.monotonic_ns() - self.start_ns) // 1000
