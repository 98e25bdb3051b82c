"""Spools into telemetry: each call becomes spans, content and settled charges, once, whatever dies meanwhile.

How far a life has been folded is committed together with what was made of it. A call that was admitted and is not
settled yet is remembered by the place of its record in the spool, which stays there until the call has ended.
"""

from collections.abc import Callable, Mapping

import msgspec

from genaiops.core.clock import now_us
from genaiops.core.errors import Unavailable
from genaiops.domain import (
    SESSION_KEYS,
    Admitted,
    Charge,
    Content,
    GuardVerdict,
    Held,
    PendingJudgement,
    Recalled,
    Refused,
    Settled,
    Span,
    verdicts_of,
)
from genaiops.ports.alerts import Alerts
from genaiops.ports.blobs import Blobs
from genaiops.ports.spool import Frame, SpoolReader
from genaiops.ports.telemetry import Batch, SpoolOffset, Telemetry
from genaiops.watch._energy import Metering
from genaiops.watch._guard_alerts import Troubles
from genaiops.watch._spans import Ended, ended, spans_of

_DIED = "The gateway worker ended before this call did; the call is charged what was reserved for it."

FRAMES = 500
"""Frames folded in one transaction."""

REMEMBERED = 16_384
"""Bodies of calls under way are kept in memory up to this size, larger ones are read again from the spool."""


class _Place(msgspec.Struct, frozen=True, array_like=True):
    """Where the record of a call under way begins."""

    sequence: int
    segment: int
    offset: int


class _Open(msgspec.Struct):
    place: _Place
    call: Admitted
    body: bytes | None


class _Life:
    """One life of a worker as far as it has been folded: `segment`, `offset` and the calls under way."""

    def __init__(self, offset: SpoolOffset) -> None:
        self.segment = offset.segment
        self.offset = offset.offset
        self.open: dict[int, _Open] = {}


class _Work:
    """What is made of some frames, to be committed as a whole."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.contents: list[Content] = []
        self.charges: dict[tuple[str, int], int] = {}
        self.verdicts: list[GuardVerdict] = []
        self.troubles = Troubles()
        self.pending: list[PendingJudgement] = []

    def charge(self, charges: tuple[Charge, ...]) -> None:
        for charge in charges:
            if charge.budget_id.startswith(SESSION_KEYS):
                continue  # there are as many as sessions, and nobody asks for them after their day
            key = (charge.budget_id, charge.window_us)
            self.charges[key] = self.charges.get(key, 0) + charge.amount

    def batch(self, offset: SpoolOffset) -> Batch:
        ledger = [Charge(budget, start, amount) for (budget, start), amount in self.charges.items() if amount]
        return Batch(
            spans=self.spans,
            contents=self.contents,
            ledger=ledger,
            offsets=[offset],
            verdicts=self.verdicts,
            pending=self.pending,
        )


class Folder:
    """One at a time for an installation. `held` keeps what waits for a person (its sealed content is the blob of that
    digest), and takes the same twice for once. Errors of the stores pass through; nothing is half done, and `step` may
    be called again.
    """

    def __init__(
        self,
        reader: SpoolReader,
        telemetry: Telemetry,
        blobs: Blobs,
        metering: Metering | None = None,
        *,
        held: Callable[[Held, str], None] | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        self._reader = reader
        self._telemetry = telemetry
        self._blobs = blobs
        self._metering = metering
        self._held = held
        self._alerts = alerts
        self._lives: dict[str, _Life] = {}

    def step(self) -> int:
        """Fold what is there, at most FRAMES of each life, and finish lives that have ended. How many frames were
        folded.
        """
        folded = 0
        known: Mapping[str, SpoolOffset] = self._telemetry.offsets() if not self._lives else {}
        for name in self._reader.lives():
            alive = self._reader.is_alive(name)  # asked first: what a dead one wrote is all there when it is read
            life = self._lives.get(name) or self._resume(name, known.get(name))
            frames = self._fold(name, life)
            folded += frames
            if not alive and not frames:
                self._finish(name, life)
        return folded

    def finish_dead(self) -> None:
        """Fold all that dead lives wrote, and end them."""
        while self.step():
            pass

    def _resume(self, name: str, offset: SpoolOffset | None) -> _Life:
        """Take up a life where an earlier process left it."""
        if offset is None:
            offset = self._telemetry.offsets().get(name) or SpoolOffset(name, 0, 0)
        life = _Life(offset)
        for place in msgspec.msgpack.decode(offset.open, type=list[_Place]) if offset.open else []:
            frame = next(self._reader.frames(name, place.segment, place.offset), None)
            if frame is not None and isinstance(frame.record, Admitted):
                life.open[place.sequence] = _open(place, frame.record, frame.body)
        self._lives[name] = life
        return life

    def _fold(self, name: str, life: _Life) -> int:
        work = _Work()
        opened: dict[int, _Open] = {}
        closed: set[int] = set()
        segment, offset, count = life.segment, life.offset, 0
        newest = self._reader.newest(name)  # asked first: what is before it is finished when it is read
        for frame in self._reader.frames(name, segment, offset):
            start = offset if frame.segment == segment else 0
            segment, offset = frame.segment, frame.end
            record = frame.record
            if isinstance(record, Admitted):
                opened[record.sequence] = _open(_Place(record.sequence, segment, start), record, frame.body)
            elif isinstance(record, Settled):
                call = opened.pop(record.sequence, None) or life.open.get(record.sequence)
                if call is not None:
                    closed.add(record.sequence)
                    self._settle(work, name, call, record, frame)
            elif isinstance(record, Recalled):
                self._recall(work, record, frame.body)
            elif isinstance(record, Held):
                self._hold(record, frame.body)
            else:
                self._refuse(work, record)
            count += 1
            if count >= FRAMES:
                break
        if not count and newest > segment:
            segment, offset = newest, 0
        elif not count:
            return 0
        remaining = {sequence: call for sequence, call in {**life.open, **opened}.items() if sequence not in closed}
        self._telemetry.write(work.batch(_offset(name, segment, offset, remaining)))
        moved = segment != life.segment
        life.segment, life.offset, life.open = segment, offset, remaining
        if self._alerts is not None:
            work.troubles.tell(self._alerts)
        if moved:
            self._reader.forget(name, min([segment, *(call.place.segment for call in remaining.values())]))
        return count

    def _settle(self, work: _Work, name: str, call: _Open, record: Settled, frame: Frame) -> None:
        self._add(work, call.call, ended(record), self._body(name, call), frame.body)
        work.charge(record.charged)

    def _hold(self, record: Held, sealed: bytes) -> None:
        """Before the place in the spool is committed: read again, it is the same task."""
        if self._held is None:
            raise Unavailable("A spool has what waits for a person, and nobody here keeps tasks.")
        self._held(record, self._blobs.put(sealed))

    def _recall(self, work: _Work, record: Recalled, body: bytes) -> None:
        at = record.input_bytes
        self._add(work, record.admitted, ended(record.settled), body[:at], body[at:])
        work.charge(record.settled.charged)

    def _refuse(self, work: _Work, record: Refused) -> None:
        end = Ended(
            end_us=record.end_us,
            status="error",
            http_status=record.http_status,
            error_type=record.error_type,
            error_message=record.error_message,
            guard=record.guard,
        )
        self._add(work, record.admitted, end, b"", b"")

    def _add(self, work: _Work, call: Admitted, end: Ended, body: bytes, output: bytes) -> None:
        spans, content = spans_of(call, end, body, output, self._blobs)
        if self._metering is not None:
            busy = {one.span_id: one.busy_us for one in end.attempts if one.busy_us is not None}
            spans = self._metering.metered(spans, busy)
        work.spans += spans
        work.troubles.see(call, end.guard, end.error_type, end.error_message)
        work.verdicts += verdicts_of(spans[0], end.guard)
        if end.judge:
            work.pending.append(PendingJudgement(call.trace_id, call.span_id, call.start_us, end.judge))
        if content is not None:
            work.contents.append(content)

    def _body(self, name: str, call: _Open) -> bytes:
        if call.body is not None:
            return call.body
        frame = next(self._reader.frames(name, call.place.segment, call.place.offset), None)
        return frame.body if frame is not None else b""

    def _finish(self, name: str, life: _Life) -> None:
        """The worker is dead: what it had under way is aborted and charged its reservation; then its spool can go."""
        if life.open:
            work = _Work()
            for call in life.open.values():
                end = Ended(
                    end_us=max(now_us(), call.call.start_us),
                    status="aborted",
                    http_status=None,
                    error_type="worker_died",
                    error_message=_DIED,
                )
                self._add(work, call.call, end, self._body(name, call), b"")
                work.charge(call.call.reserved)
            self._telemetry.write(work.batch(_offset(name, life.segment, life.offset, {})))
            life.open = {}
        self._reader.forget(name, life.segment + 1)
        if name not in self._reader.lives():
            self._telemetry.drop_offsets([name])
            self._lives.pop(name, None)


def _open(place: _Place, call: Admitted, body: bytes) -> _Open:
    return _Open(place, call, body if len(body) <= REMEMBERED else None)


def _offset(name: str, segment: int, offset: int, remaining: dict[int, _Open]) -> SpoolOffset:
    places = [call.place for call in remaining.values()]
    return SpoolOffset(name, segment, offset, msgspec.msgpack.encode(places) if places else b"")
