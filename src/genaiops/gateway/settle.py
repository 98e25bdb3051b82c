"""The two records of a call and its counters: admitted before dispatch, settled before the last byte. A call that is
answered from memory has one record, before its only byte: what it is charged is settled after that as well.

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
from genaiops.domain import Cost, GuardEvent, Recalled, Refused, Settled, Status, Usage, charge
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.large import Stored
from genaiops.gateway.limits import HIT, MOST, Amounts, Lines
from genaiops.gateway.plan import Candidate
from genaiops.gateway.refusals import Short, refuse
from genaiops.gateway.session_limits import beyond, stopped
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
    stored: Stored | None = None
    """Of a large output."""


class Tally:
    """Figures of this worker that others may read as gauges."""

    __slots__ = (
        "cache_bytes",
        "cache_entries",
        "cache_failures",
        "cache_hits",
        "cache_misses",
        "in_flight",
        "over_budget",
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
        self.over_budget = 0
        """Calls that a budget refused and that went elsewhere instead."""
        self.overrun = 0
        self.unshadowed = 0
        """Copies that were to be made and were not."""
        self.cache_hits = 0
        self.cache_misses = 0
        self.cache_failures = 0
        self.cache_bytes = 0
        self.cache_entries = 0


class Books:
    """Writes the records of a worker's calls and moves its counters. Synchronous: a step is whole or did not begin."""

    def __init__(self, counters: Counters, spool: SpoolWriter) -> None:
        self.tally = Tally()
        self._counters = counters
        self.spool = spool
        self._sequence = 0
        self._applied = 0

    @property
    def applied(self) -> int:
        """The sequence that the counters applied last: settling without a record repeats it."""
        return self._applied

    def reserve(self, call: Call, lines: Lines, amounts: Amounts) -> Failure | None:
        """Hold the upper bound against these limits. The refusal when one says no; it is not the last word when it sets
        `call.short`."""
        now_us = call.start_us
        windows = lines.windows
        if windows is None or not windows.since_us <= now_us < windows.until_us:
            windows = lines.turn(self._counters, now_us)
        by_line = lines.by_line(amounts)
        answer = windows.reserve(by_line, now_us)
        if isinstance(answer, Refusal):
            at = answer.index
            call.refused_by = lines.all[at]
            call.noted = stopped(call.refused_by)
            if isinstance(answer, Shortage):
                call.short = Short(answer, lines.all, windows, by_line, now_us)
                return call.short.failure
            return refuse(lines.all[at], answer, windows.holds[at], by_line[at], now_us)
        call.windows = windows
        call.amounts = amounts
        call.reservation = answer
        call.limit_lines = lines.shown(answer.levels)
        if lines.sessions:
            call.noted = (*call.noted, *beyond(lines, windows, self._counters))
        return None

    def extend(self, call: Call, amounts: Amounts | None = None) -> bool:
        """Hold the tokens, the money and the energy of another try against every limit; `amounts` where that may use
        more than the first. Whether they let it."""
        windows = call.windows
        amounts = amounts or call.amounts
        if windows is not None and call.reservation is not None:
            answer = windows.reserve(call.lines.by_line((0, 0, *amounts[2:])), call.now_us())
            if isinstance(answer, Refusal):
                return False
            call.extensions = (*call.extensions, (answer, amounts))
        return True

    def admit(self, call: Call, fault: StoreError | None = None) -> Failure | None:
        """Write the record that the call is about to be dispatched. The refusal when it cannot be written and must.
        `fault`: its large body could not be."""
        self._sequence += 1
        call.sequence = self._sequence
        self.tally.in_flight += 1
        if fault is not None:
            return self._untraced(call, fault)
        aside, call.aside = call.aside, None
        try:
            self.spool.append(call.admitted(), aside or (_bodies(call.raw) if call.key.capture != "off" else b""))
        except StoreError as error:
            return self._untraced(call, error)
        call.traced = True
        return None

    def recalled(self, call: Call, output: bytes) -> Failure | None:
        """Write in one record that a call came and was answered from memory, and count it. The refusal when it cannot
        be written and must."""
        tally = self.tally
        self._sequence = call.sequence = self._sequence + 1
        tally.in_flight += 1
        windows, call.windows = call.windows, None  # nothing of budgets is held while it is under way
        recall = call.recall
        kept = call.key.capture != "off"
        settled = Settled(
            call.sequence,
            call.trace_id,
            call.now_us(),
            call.first_token_us,
            "ok",
            200,
            None,
            None,
            (),
            windows.hit_charges if windows is not None else (),
            False,
            "hit",
            None if kept else hashlib.sha256(output).hexdigest(),
            recall.lookup if recall is not None else None,
            _events(call),
        )
        raw = call.raw
        record = Recalled(call.admitted(), settled, len(raw) if kept else 0)
        try:
            self.spool.append(record, (cast("bytes", raw), output) if kept else b"")
            call.traced = True
        except StoreError as error:
            refusal = self._untraced(call, error)
            if refusal is not None:
                return refusal
        tally.in_flight -= 1
        call.settled = True
        reservation, call.reservation = call.reservation, None
        if reservation is not None and call.lines.holds:
            if call.traced:
                self._applied = call.sequence
            reservation.settle(call.lines.by_line(HIT), self._applied)
        if call.on_settled is not None:
            call.on_settled(call, Ending(status="ok", http_status=200, output=output))
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
        self._return_extensions(call)

    def _return_extensions(self, call: Call) -> None:
        extensions, call.extensions = call.extensions, ()
        for extension, _ in extensions:
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
            self.spool.append(
                Refused(call.admitted(), call.now_us(), failure.status, failure.code, failure.message, _events(call))
            )
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
            if call.lines.metered and used[2] > call.amounts[2] + sum(amounts[2] for _, amounts in call.extensions):
                self.tally.overrun += 1
            self._applied = sequence
            reservation.settle(call.lines.by_line(used), sequence)
            if call.extensions:  # after: what all tries used must be held by one or the other all the time
                self._return_extensions(call)
        if call.on_settled is not None:
            call.on_settled(call, ending)

    def _record(self, call: Call, ending: Ending, used: Amounts) -> bool:
        output, digest, cut = ending.output, None, ending.output_truncated
        if ending.stored is not None:
            output, digest = ending.stored.aside or b"", ending.stored.sha256
            cut = cut or (not output and digest is None)
        elif output and call.key.capture == "off":
            output, digest = b"", hashlib.sha256(output).hexdigest()
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
            cut,
            "off" if lookup is None else lookup.outcome,
            digest,
            lookup,
            _events(call),
            call.guard.judge if call.guard is not None and call.attempts else (),
            call.marks,
        )
        try:
            self.spool.append(record, output)
        except StoreError:
            return self._record_bare(record)
        return True

    def _record_bare(self, record: Settled) -> bool:
        """Once more without the body: the disk may have room for the figures."""
        try:
            self.spool.append(msgspec.structs.replace(record, output_truncated=True))
        except StoreError as error:
            self.tally.unsettled += 1
            _log.error("a call was settled without a record: %s", error)
            return False
        return True


def _events(call: Call) -> tuple[GuardEvent, ...]:
    return (*call.guard.events, *call.noted) if call.guard is not None else ()


def _bodies(raw: bytes | bytearray) -> bytes | Sequence[bytes]:
    return raw if isinstance(raw, bytes) else (cast("bytes", raw),)


def _used(call: Call) -> Amounts:
    """The amounts (see Lines) that a call is charged: itself if it was dispatched, and what its paying attempt used.
    Where nobody knows what that cost, hard budgets are charged what was reserved: more it cannot have been."""
    if call.lines.energy:
        held = call.amounts[-1] if call.energy_unknown and call.lines.hard_energy else 0
        return *_used_but_energy(call), min(call.energy + held, MOST)
    return _used_but_energy(call)


def _used_but_energy(call: Call) -> Amounts:
    lines = call.lines
    if call.extensions:
        return _used_by_several(call)
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


def _used_by_several(call: Call) -> Amounts:
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


def total_of(call: Call) -> Cost | None:
    """What all tries of a call cost together that pay; None where none did."""
    costs = [one.cost for one in call.attempts if one.pays]
    if len(costs) < 2:
        return costs[0] if costs else None
    known = [cost for cost in costs if cost is not None and cost.nano is not None]
    if len(known) < len(costs) or len({cost.currency for cost in known if cost.nano}) > 1:
        return _UNKNOWN
    return msgspec.structs.replace(known[-1], nano=sum(cost.nano or 0 for cost in known))


def cost_of(usage: Usage, candidate: Candidate, at_us: int) -> Cost:
    """What a usage costs at a target, by the price in force at that time; unknown without one."""
    if candidate.free:
        return _NOTHING
    price = candidate.price(at_us)
    if price is None:
        return _UNKNOWN
    return Cost(charge(usage, price), price.currency, price.id, price.version)


_UNKNOWN = Cost(None)
_NOTHING = Cost(0)
