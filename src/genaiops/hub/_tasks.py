"""Tasks: what waits for a person in a queue, and who decided about it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, Forbidden
from genaiops.domain import HELD_HOURS, PASS_MINUTES, Actor, Held, HeldBody, Pass, Task, TaskState
from genaiops.hub._access import require, sees_all
from genaiops.hub._confined import unconfined
from genaiops.hub._consenting import Consenting
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_text, every, existing
from genaiops.ports.blobs import Blobs
from genaiops.ports.records import Records, Unit, View
from genaiops.ports.seals import Seals

_GATEWAY = "gateway"
_ERASED = "Whose call it was is erased."
_HOUR_US, _MINUTE_US = 3_600_000_000, 60_000_000


class Tasks(Service[Task]):
    """Of what rules of guard policies hold. What is held itself lies sealed among the blobs."""

    def __init__(self, records: Records, clock: Clock, consenting: Consenting) -> None:
        super().__init__(records, clock, Task, "task")
        self._consenting = consenting

    def hold(self, record: Held, content: str) -> None:
        """A worker has kept this. The same again changes nothing: a spool may be read twice."""
        with self._records.read() as view:
            if view.get(Task, record.id) is not None:
                return
        with self._records.write(_GATEWAY) as unit:
            if unit.get(Task, record.id) is None:
                unit.add(_task(record, content))

    def in_state(self, state: TaskState | None = None, queue: str | None = None) -> Sequence[Task]:
        """As they are now, pending ones first, then the newest; None: all."""
        now = self._clock()
        found = [as_of(task, now) for task in self._all(None if queue is None else {"queue": queue})]
        kept = [task for task in found if state in (None, task.state)]
        return sorted(kept, key=lambda task: (task.state != "pending", -task.created_us, task.id))

    def one(self, task_id: str) -> Task:
        """As it is now. NotFound when there is none."""
        return as_of(self.get(task_id), self._clock())

    def waiting(self) -> int:
        """How many are pending."""
        now = self._clock()
        return sum(task.expires_us > now for task in self._all({"state": "pending"}))

    def release(self, task_id: str, *, reason: str = "", by: str) -> Task:
        """Its client may have it. Forbidden for who asked (unless nobody else is here), for a service account, for
        another business unit; Conflict when it was decided already, or its time has run out."""
        return self._decide(task_id, "released", reason, by)

    def refuse(self, task_id: str, *, reason: str = "", by: str) -> Task:
        """Its client never gets it, and is told the reason. Errors as of `release`."""
        return self._decide(task_id, "refused", reason, by)

    def expire(self) -> int:
        """Write down of which the time has run out; how many."""
        now = self._clock()
        over = [task.id for task in self._all({"state": "pending"}) if task.expires_us <= now]
        if not over:
            return 0
        count = 0
        with self._records.write(_GATEWAY) as unit:
            for task_id in over:
                task = unit.get(Task, task_id)
                if task is not None and task.state == "pending":
                    unit.replace(msgspec.structs.replace(task, state="expired"))
                    count += 1
        return count

    def contents(self) -> Mapping[str, bytes]:
        """Digest of a blob that is still needed -> the trace that it is about."""
        now = self._clock()
        return {
            task.content: bytes.fromhex(task.trace_id)
            for task in self._all()
            if task.state in ("pending", "released") and task.expires_us > now
        }

    def erase(self, traces: Collection[bytes], *, tenant_id: str | None, by: str) -> Sequence[str]:
        """Whose calls these were is erased: nothing of theirs waits any more, or may still be fetched or sent. Digests
        of what was held. Again: changes nothing, and says the same."""
        wanted = {trace_id.hex() for trace_id in traces}
        found = [one for one in self._all() if one.trace_id in wanted and tenant_id in (None, one.tenant_id)]
        if any(_open(one) for one in found):
            now = self._clock()
            with self._records.write(by) as unit:
                for task in (unit.get(Task, one.id) for one in found):
                    if task is not None and _open(task):
                        unit.replace(_erased(task, by, now))
        return [one.content for one in found]

    def _decide(self, task_id: str, state: Literal["released", "refused"], reason: str, by: str) -> Task:
        with self._records.write(by) as unit:
            task = self._existing(unit, task_id)
            now = self._clock()
            solo = self._check_decides(unit, task, by)
            _check_pending(as_of(task, now))
            decided = msgspec.structs.replace(
                task,
                state=state,
                decided_by=by,
                decided_us=now,
                reason=checked_text(reason, param="reason", longest=1000),
                solo=solo,
            )
            if state == "released" and task.kind == "held_request":
                decided = msgspec.structs.replace(decided, pass_until_us=now + PASS_MINUTES * _MINUTE_US)
            unit.replace(decided)
        return decided

    def _check_decides(self, unit: Unit, task: Task, by: str) -> bool:
        """Whether somebody decides about what they asked for themselves."""
        actor = existing(unit, Actor, by, word="actor")
        require(actor, "review")
        if actor.tenant_id != task.tenant_id and not sees_all(actor):
            raise Forbidden(f"{task.id} is of another business unit.", remedy="Ask somebody of that unit.")
        if task.asked_by != by:
            return False
        if self._consenting.alone(unconfined(unit), by):
            return True
        raise Forbidden(
            f"A key of {actor.name!r} asked for {task.id}, and nobody decides about their own.",
            remedy="Let another person decide.",
            code="own_task",
        )


def _check_pending(task: Task) -> None:
    if task.state == "expired":
        raise Conflict(
            f"{task.id} ended at {to_iso(task.expires_us)} without a decision.",
            remedy="Let its client send the call again.",
            code="task_expired",
        )
    if task.state != "pending":
        raise Conflict(f"{task.id} is {task.state} already.", remedy="Reload the list.", code="task_decided")


def _open(task: Task) -> bool:
    return task.state in ("pending", "released") and task.reason != _ERASED


def _erased(task: Task, by: str, now_us: int) -> Task:
    if task.state == "released":
        return msgspec.structs.replace(task, reason=_ERASED, request="", pass_until_us=None)
    return msgspec.structs.replace(
        task, state="refused", decided_by=by, decided_us=now_us, reason=_ERASED, request="", pass_until_us=None
    )


def as_of(task: Task, now_us: int) -> Task:
    """With `expired` also where nobody has written that down yet."""
    if task.state == "pending" and task.expires_us <= now_us:
        return msgspec.structs.replace(task, state="expired")
    return task


def opened(task: Task, blobs: Blobs, seals: Seals) -> HeldBody:
    """What is held. NotFound when it is not kept any more, StoreError when it cannot be opened."""
    return msgspec.msgpack.decode(seals.open(blobs.get(task.content), task.id), type=HeldBody)


def passes_in_force(view: View, now_us: int) -> tuple[Pass, ...]:
    """The held requests that were released, and may be sent again now."""
    return tuple(_passes(view, now_us))


def _passes(view: View, now_us: int) -> Iterator[Pass]:
    for task in every(view, Task, {"state": "released"}):
        if task.pass_until_us is not None and task.pass_until_us > now_us:
            yield Pass(task.key_id, task.request, task.pass_until_us)


def _task(record: Held, content: str) -> Task:
    return Task(
        id=record.id,
        kind="held_answer" if record.direction == "out" else "held_request",
        tenant_id=record.tenant_id,
        environment_id=record.environment_id,
        application=record.application,
        key_id=record.key_id,
        asked_by=record.actor_id,
        trace_id=record.trace_id.hex(),
        operation=record.operation,
        model=record.model,
        direction=record.direction,
        policy=record.policy,
        rule=record.rule,
        message=record.message,
        found=record.found,
        content=content,
        request=record.request,
        created_us=record.at_us,
        expires_us=record.at_us + HELD_HOURS * _HOUR_US,
    )
