"""A judge of one detector: `words` finds the words of its options in the texts of bodies."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from genaiops.core.errors import UsageError
from genaiops.domain import Direction, GuardEvent, GuardPolicy, GuardRule, GuardVersion, Operation
from genaiops.ports.guard import Judged
from genaiops.ports.providers import Dialect


class WordJudge:
    """Small, and real: what it says depends on the policy and on every text of the bodies."""

    def check(self, policy: GuardPolicy) -> None:
        for number, rule in enumerate(policy.rules):
            if not isinstance(rule.options.get("words", []), list):
                raise UsageError("The words are no list.", remedy="Write one.", param=f"rules[{number}].options.words")

    def judge(
        self,
        policies: Sequence[GuardVersion],
        operation: Operation,
        dialect: Dialect,
        request: bytes,
        answer: bytes | None,
        *,
        shadows: bool = False,
    ) -> Sequence[GuardEvent]:
        bodies: tuple[tuple[Direction, bytes | None], ...] = (("in", request), ("out", answer))
        return [
            event
            for policy in policies
            for rule in policy.policy.rules
            for direction, body in bodies
            if rule.direction in (direction, "both") and body is not None
            if (event := _said(policy, rule, direction, body, shadow=shadows and rule.shadow >= 1)) is not None
        ]

    def rule(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> Judged:
        return Judged(self.judge((policy,), operation, dialect, request, answer), request, answer)


def _said(
    policy: GuardVersion, rule: GuardRule, direction: Direction, body: bytes, *, shadow: bool
) -> GuardEvent | None:
    try:
        texts = "\n".join(_texts(json.loads(body)))
    except ValueError:
        raise UsageError("The body cannot be read.") from None
    kinds = {word: texts.count(word) for word in rule.options.get("words", []) if word in texts}
    if not kinds:
        return None
    return GuardEvent(
        policy=f"{policy.name}@{policy.digest}",
        rule=rule.id,
        detector=rule.detector,
        direction=direction,
        action=rule.action,
        kinds=kinds,
        places=("messages",),
        shadow=shadow,
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


def words(action: Any, *found: str, rule: str = "words", direction: Any = "both") -> GuardPolicy:
    """A policy with one rule that looks for these words."""
    return GuardPolicy(
        rules=(
            GuardRule(id=rule, detector="words", action=action, direction=direction, options={"words": list(found)}),
        )
    )
