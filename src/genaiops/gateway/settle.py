"""The two records of a call and its counters: admitted before dispatch, settled before the last byte.

A worker's `sequence` numbers its calls. Whoever finds the worker dead compares the sequence that the counters applied
last with that of the last Settled record in the spool; between writing that record and applying it there is no await,
so at most that one is missing (calls end in any order: what counts is whether the two differ, not which is larger).
Giving a reservation back without a record therefore repeats the sequence that was applied before.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import cast

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import Cost, Refused, Settled, Status, Usage, charge
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.limits import Amounts
from genaiops.gateway.plan import Candidate
from genaiops.gateway.refusals import Short, refuse
from genaiops.ports.counters import Counters, Refusal, Shortage
from genaiops.ports.spool import SpoolWriter

_log = logging.getLogger("genaiops.gateway")


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended. `output` is the answer's body (for the trace)."""

    status: Status
    http_status: int
    error_type: str | None = None
    error_message: str | None = None
    output: bytes = b""
    output_truncated: bool = False


class Tally:
    """Figures of this worker that others may read as gauges."""

    __slots__ = (
        "cache_bytes",
        "cache_failures",
        "cache_hits",
        "cache_misses",
        "in_flight",
        "overrun",
        "refused",
        "unknown_keys",
        "unsettled",
        "unshadowed",
        "untraced",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.refused = 0
        self.unknown_keys = 0
        self.untraced = 0
        self.unsettled = 0
        self.overrun = 0
        self.unshadowed = 0
        """Copies that were to be made and were not."""
        self.cache_hits = 0
        self.cache_misses = 0
        self.cache_failures = 0
        self.cache_bytes = 0


class Books:
    """Writes the records of a worker's calls and moves its counters. Synchronous: a step is whole or did not begin."""

    def __init__(self, counters: Counters, spool: SpoolWriter) -> None:
        self.tally = Tally()
        self._counters = counters
        self._spool = spool
        self._sequence = 0
        self._applied = 0

    def reserve(self, call: Call, amounts: Amounts) -> Failure | None:
        """Hold the upper bound against every limit. The refusal when one says no; it is not the last word when it sets
        `call.short`."""
        lines, now_us = call.lines, call.start_us
        windows = lines.windows
        if windows is None or not windows.since_us <= now_us < windows.until_us:
            windows = lines.turn(self._counters, now_us)
        by_line = lines.by_line(amounts)
        answer = windows.reserve(by_line, now_us)
        if isinstance(answer, Refusal):
            if isinstance(answer, Shortage):
                call.short = Short(answer, lines.all, windows, by_line, now_us)
                return call.short.failure
            at = answer.index
            return refuse(lines.all[at], answer, windows.holds[at], by_line[at], now_us)
        call.windows = windows
        call.amounts = amounts
        call.reservation = answer
        call.limit_lines = lines.shown(answer.levels)
        return None

    def extend(self, call: Call) -> bool:
        """Hold the tokens and the money of another try against every limit. Whether they let it."""
        windows = call.windows
        if windows is not None and call.reservation is not None:
            answer = windows.reserve(call.lines.by_line((0, 0, *call.amounts[2:])), call.now_us())
            if isinstance(answer, Refusal):
                return False
            call.extension = answer
        return True

    def admit(self, call: Call) -> Failure | None:
        """Write the record that the call is about to be dispatched. The refusal when it cannot be written and must."""
        self._sequence += 1
        call.sequence = self._sequence
        self.tally.in_flight += 1
        try:
            self._spool.append(call.admitted(), _bodies(call.raw) if call.key.capture != "off" else b"")
        except StoreError as error:
            return self._untraced(call, error)
        call.traced = True
        return None

    def _untraced(self, call: Call, error: StoreError) -> Failure | None:
        """No record can be written. A call under a hard budget must not go on: nobody could tell what it cost."""
        self.tally.untraced += 1
        if not call.lines.hard_budget:
            return None
        self.release(call)
        return Failure(
            status=503,
            type="unavailable_error",
            code=error.code,
            message=f"Calls under a hard budget are refused while calls cannot be recorded. {error}",
            retry_after=30.0,
        )

    def release(self, call: Call) -> None:
        """Give everything back: the call is not dispatched, and leaves no record of its own here."""
        if call.settled:
            return
        if call.sequence:
            self.tally.in_flight -= 1
        call.settled = True
        if call.recall is not None:
            call.recall.ended(call, None)
        reservation, call.reservation = call.reservation, None
        if reservation is not None:
            reservation.settle(call.lines.nothing, self._applied)
        self._return_extension(call)

    def _return_extension(self, call: Call) -> None:
        extension, call.extension = call.extension, None
        if extension is not None:
            extension.settle(call.lines.nothing, self._applied)

    def refuse(self, call: Call, failure: Failure) -> None:
        """Record a call of a known key that was turned away. Its body is not kept: refusals must not fill the disk."""
        self.release(call)
        self.tally.refused += 1
        if not call.sequence:
            self._sequence += 1
            call.sequence = self._sequence
        call.windows = None
        try:
            self._spool.append(Refused(call.admitted(), call.now_us(), failure.status, failure.code, failure.message))
        except StoreError:
            self.tally.untraced += 1

    def settle(self, call: Call, ending: Ending) -> None:
        """Write how the call ended and charge what it used. Nothing happens a second time."""
        if call.settled:
            return
        call.settled = True
        self.tally.in_flight -= 1
        if call.recall is not None:
            call.recall.ended(call, ending)
        used = _used(call)
        sequence = self._applied
        if call.traced and self._record(call, ending, used):
            sequence = call.sequence
        reservation, call.reservation = call.reservation, None
        if reservation is not None:
            if call.lines.metered and used[2] > call.amounts[2] * (1 if call.extension is None else 2):
                self.tally.overrun += 1
            self._applied = sequence
            reservation.settle(call.lines.by_line(used), sequence)
            if call.extension is not None:  # after: what both tries used must be held by one or the other all the time
                self._return_extension(call)
        if call.on_settled is not None:
            call.on_settled(call, ending)

    def _record(self, call: Call, ending: Ending, used: Amounts) -> bool:
        kept = call.key.capture != "off"
        lookup = call.recall.lookup if call.recall is not None else None
        record = Settled(
            call.sequence,
            call.trace_id,
            call.now_us(),
            call.first_token_us,
            ending.status,
            ending.http_status,
            ending.error_type,
            ending.error_message,
            tuple(call.attempts),
            call.windows.charges(used) if call.windows is not None else (),
            ending.output_truncated,
            "off" if lookup is None else lookup.outcome,
            None if kept or not ending.output else hashlib.sha256(ending.output).hexdigest(),
            lookup,
        )
        try:
            self._spool.append(record, ending.output if kept else b"")
        except StoreError:
            return self._record_bare(record)
        return True

    def _record_bare(self, record: Settled) -> bool:
        """Once more without the body: the disk may have room for the figures."""
        try:
            self._spool.append(msgspec.structs.replace(record, output_truncated=True))
        except StoreError as error:
            self.tally.unsettled += 1
            _log.error("a call was settled without a record: %s", error)
            return False
        return True


def _bodies(raw: bytes | bytearray) -> bytes | Sequence[bytes]:
    return raw if isinstance(raw, bytes) else (cast("bytes", raw),)


def _used(call: Call) -> Amounts:
    """The amounts (see Lines) that a call is charged: itself if it was dispatched, and what its paying attempt used.
    Where nobody knows what that cost, hard budgets are charged what was reserved: more it cannot have been."""
    lines = call.lines
    if call.extension is not None:
        return _used_by_two(call)
    for attempt in call.attempts:
        usage = attempt.usage
        if attempt.pays and usage is not None:
            tokens = usage.total_tokens
            if usage.unknown and lines.metered and not _TOKENS.isdisjoint(usage.unknown):
                tokens = max(tokens, call.amounts[2])  # nobody said how many: what was reserved for them
            if not lines.currencies:
                return 0, 1, tokens
            cost = attempt.cost
            if cost is None or cost.nano is None:
                held = zip(lines.currencies, call.amounts[3:], strict=False)
                return 0, 1, tokens, *[nano if one in lines.hard_currencies else 0 for one, nano in held]
            nano, currency = cost.nano, cost.currency
            return 0, 1, tokens, *[nano if one == currency else 0 for one in lines.currencies]
    return 0, 1 if call.dispatched else 0, 0, *[0 for _ in lines.currencies]


_TOKENS = frozenset({"input_uncached", "audio_input", "image_input", "output_text", "audio_output", "image_output"})


def _used_by_two(call: Call) -> Amounts:
    paying = [one for one in call.attempts if one.pays and one.usage is not None]
    tokens = sum(one.usage.total_tokens for one in paying if one.usage is not None)
    lines = call.lines
    money = [0] * len(lines.currencies)
    for cost in [one.cost for one in paying]:
        for at, currency in enumerate(lines.currencies):
            if cost is None or cost.nano is None:
                money[at] += call.amounts[3 + at] if currency in lines.hard_currencies else 0
            elif cost.currency == currency:
                money[at] += cost.nano
    return 0, 1 if call.dispatched else 0, tokens, *money


def cost_of(usage: Usage, candidate: Candidate, at_us: int) -> Cost:
    """What a usage costs at a target, by the price in force at that time; unknown without one."""
    price = candidate.price(at_us)
    if price is None:
        return _UNKNOWN
    return Cost(charge(usage, price), price.currency, price.id, price.version)


_UNKNOWN = Cost(None)
