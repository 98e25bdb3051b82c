"""What a guard said of calls, as traces keep it: one verdict a rule and direction, and a span a direction."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from genaiops.domain._guard import Direction, GuardEvent
from genaiops.domain._trace import Span

Mark = Literal["right", "false_alarm"]
"""What a person says of a verdict."""

WHOLE_POLICY: Final = ""
"""The rule of an event that tells that a policy looked at the call in a direction at all, and how long all its rules
took together. It is counted, and is no verdict."""

MARK_SCORE: Final = "guard:"
"""How the name of a score begins that marks a verdict; the rule follows."""


class GuardVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the call whose root span is `call_id` and began at `start_us`. `mark`: what a person said of it last,
    when and who (an actor)."""

    trace_id: bytes
    call_id: bytes
    start_us: int
    event: GuardEvent
    tenant_id: str = "default"
    environment_id: str | None = None
    team_id: str | None = None
    key_id: str | None = None
    application: str | None = None
    mark: Mark | None = None
    marked_us: int | None = None
    marked_by: str | None = None

    @property
    def span_id(self) -> bytes:
        return guard_span_id(self.call_id, self.event.direction)

    @property
    def id(self) -> str:
        """Tells it from the others of its trace; 16 hexadecimal digits."""
        event = self.event
        text = "\0".join((self.call_id.hex(), event.direction, event.policy, event.rule))
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]

    @property
    def policy_name(self) -> str:
        return self.event.policy.partition("@")[0]

    @property
    def policy_digest(self) -> str:
        return self.event.policy.partition("@")[2]

    @property
    def count(self) -> int:
        """How much was found."""
        return sum(self.event.kinds.values())


def guard_span_id(call_id: bytes, direction: Direction) -> bytes:
    return hashlib.sha256(b"guard " + direction.encode() + call_id).digest()[:8]


def verdicts_of(call: Span, events: Iterable[GuardEvent]) -> list[GuardVerdict]:
    """Of the call with that root span; events of WHOLE_POLICY among them."""
    return [
        GuardVerdict(
            trace_id=call.trace_id,
            call_id=call.span_id,
            start_us=call.start_us,
            event=event,
            tenant_id=call.tenant_id,
            environment_id=call.environment_id,
            team_id=call.team_id,
            key_id=call.key_id,
            application=call.application,
        )
        for event in events
    ]


def guard_spans(call: Span, events: Sequence[GuardEvent], *, later: bool = False) -> list[Span]:
    """One for each direction in which a rule said something. What comes in is looked at when the call begins, what goes
    out at its end, and `later` when it has ended. It takes as long as its policies say of the whole, else as its rules
    together. A guard that blocks does its work: its span is an error only when a rule that counts could not say."""
    spans: list[Span] = []
    for direction in ("in", "out"):
        said = [event for event in events if event.direction == direction]
        if not any(event.rule != WHOLE_POLICY for event in said):
            continue
        whole = [event.duration_us for event in said if event.rule == WHOLE_POLICY]
        took = max(0, sum(whole) if whole else sum(event.duration_us for event in said))
        end = call.start_us + call.duration_us
        if not later:
            took = min(took, call.duration_us)
        start = end if later else call.start_us if direction == "in" else end - took
        failed = next((event.error for event in said if event.error is not None and not event.shadow), None)
        spans.append(
            msgspec.structs.replace(
                call,
                span_id=guard_span_id(call.span_id, direction),
                parent_id=call.span_id,
                name=f"guard {direction}",
                kind="guardrail",
                start_us=start,
                duration_us=took,
                first_token_us=None,
                status="ok" if failed is None else "error",
                error_type=None if failed is None else "guard_error",
                error_message=failed,
                http_status=None,
                provider=None,
                target_id=None,
                response_model=None,
                response_id=None,
                finish_reason=None,
                input_preview="",
                output_preview="",
                content="none",
                usage=None,
                cost=None,
                owns_usage=False,
                energy=None,
            )
        )
    return spans
