"""Erasing a person, from the first trace to the last copy: durable from its beginning, and gone on with after a crash.

Each step may be done again. Who is erased stands with the telemetry while it goes on, and nowhere afterwards.
"""

import logging
import threading
from collections.abc import Callable, Sequence

import msgspec

from genaiops.app.folding import FoldLoop
from genaiops.app.opening import OpenStores
from genaiops.app.sweeping import needed
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Erasure, Foreseen, Person
from genaiops.engines.person_keys import PersonKeys
from genaiops.hub import Hub, erase_from_records, held_rows
from genaiops.ports.persons import Unfinished
from genaiops.watch import erase_from_experiments, erased_content

_log = logging.getLogger("genaiops.erasing")

IN_FLIGHT_US = 60_000_000
"""A blob that was put so long ago is named by content that is stored, or by nothing."""

RETRY_SECONDS = 2.0
_ANY_TIME = 1 << 62
_PAGE = 100
_LONGEST_ID = 1024
_LONGEST_REASON = 500


class Erasing:
    """Begins erasures and carries them out, one after another, in a thread of its own."""

    def __init__(
        self,
        stores: OpenStores,
        hub: Hub,
        folding: FoldLoop,
        *,
        keys: PersonKeys,
        clock: Callable[[], int],
        in_flight_us: int = IN_FLIGHT_US,
    ) -> None:
        self._persons = stores.persons
        self._telemetry = stores.telemetry
        self._blobs = stores.blobs
        self._hub = hub
        self._folding = folding
        self._runs = stores.runs
        self._experiments = stores.experiments
        self._keys = keys
        self._clock = clock
        self._in_flight_us = in_flight_us
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="erase", daemon=True)

    # --- for callers ---

    def foresee(self, person: Person) -> Foreseen:
        """NotFound when no trace names the person."""
        with self._folding.caught_up():
            pass
        found = self._persons.belongings(person)
        if not found.traces:
            where = "" if person.tenant_id is None else f" in the business unit {person.tenant_id!r}"
            raise NotFound(
                f"No trace{where} names the end user {person.user_id[:80]!r}.",
                remedy="Check the id: it is compared letter for letter. A call becomes a trace a second after its end.",
                param="user_id",
            )
        return Foreseen(belongings=found, datasets=tuple(held_rows(self._hub.records, self._all_traces(person))))

    def begin(self, person: Person, reason: str, *, by: str) -> Erasure:
        """Returns when it is certain that it will be done. NotFound when no trace names the person."""
        checked = _checked(person, reason)
        found = self._persons.belongings(person)
        if not found.traces:
            self.foresee(person)
        erasure = Erasure(
            id=new_id("ers"), tenant_id=person.tenant_id, reason=checked, begun_us=self._clock(), begun_by=by
        )
        with self._hub.records.write(by) as unit:
            unit.note("begin", "erasures", erasure.id, {"reason": checked, "tenant_id": person.tenant_id})
        self._persons.begin(erasure, person)
        self._wake.set()
        return erasure

    def list(self) -> Sequence[Erasure]:
        return self._persons.erasures()

    def get(self, erasure_id: str) -> Erasure:
        for erasure in self._persons.erasures(limit=10_000):
            if erasure.id == erasure_id:
                return erasure
        raise NotFound(f"There is no erasure {erasure_id[:80]!r}.", remedy="List them to see which there are.")

    # --- the thread ---

    def start(self) -> None:
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """What is under way goes on at the next start."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            while not self._stopped and not self.work():
                self._wake.wait(RETRY_SECONDS)

    def work(self) -> bool:
        """Carry out what has begun. False: something has to be tried again."""
        done = True
        try:
            waiting = self._persons.unfinished()
        except GenaiopsError as error:
            _log.error("erasures cannot be read: %s", error)
            return False
        for each in waiting:
            try:
                done = self._carry_out(each) and done
            except (GenaiopsError, OSError) as error:
                _log.error("the erasure %s waits: %s", each.erasure.id, error)
                self._tell(each.erasure.id, str(error))
                done = False
        return done

    def _tell(self, erasure_id: str, why: str) -> None:
        try:
            self._persons.keep(msgspec.structs.replace(self.get(erasure_id), error=why))
        except (GenaiopsError, OSError) as error:
            _log.error("how far the erasure %s is cannot be kept: %s", erasure_id, error)

    def _carry_out(self, unfinished: Unfinished) -> bool:
        """False when it is stopped, or has to wait for a blob."""
        erasure, person = unfinished.erasure, unfinished.person
        with self._folding.caught_up():
            pass
        if not erasure.traces and not erasure.datasets:
            traces = self._all_traces(person)
            self._persons.await_blobs(erasure.id, self._runs.pictured(traces))  # first: afterwards nobody knows them
            held, cases = held_rows(self._hub.records, traces), self._runs.erase(traces)
            views, events = erase_from_records(self._hub.records, person.user_id.__eq__, by=erasure.begun_by)
            erasure = msgspec.structs.replace(
                erasure,
                datasets=tuple(held),
                cases=erasure.cases + cases,
                views=erasure.views + views,
                events=erasure.events + events,
            )
            self._persons.keep(erasure)
        reached, place = True, 0
        while reached and not self._stopped:
            after, traces = self._persons.traces_of(person, after=place, limit=_PAGE)
            if traces:
                erasure = self._erase(erasure, person, traces)
            reached, place = after != place, after
        if self._stopped:
            return False
        erasure = msgspec.structs.replace(erasure, experiments=erasure.experiments + self._forget_digests(person))
        again = next((each for each in self._persons.unfinished() if each.erasure.id == erasure.id), unfinished)
        removed, waiting = self._drop(again)
        erasure = msgspec.structs.replace(erasure, blobs=erasure.blobs + removed, error=None)
        if waiting:
            said = f"{waiting} large payloads may be in use by what arrives at this moment; they go within a minute."
            self._persons.keep(msgspec.structs.replace(erasure, error=said))
            return False
        self._keys.shred(person.user_id, person.tenant_id)
        self._finish(erasure, again)
        return True

    def _erase(self, erasure: Erasure, person: Person, traces: Sequence[bytes]) -> Erasure:
        held = 0
        queues, tenant_id, by = self._hub.queues(self._blobs), person.tenant_id, erasure.begun_by
        waiting = self._hub.tasks.erase(traces, tenant_id=tenant_id, by=by)
        for digest in (*waiting, *queues.of_traces(traces, tenant_id=tenant_id)):
            held += self._blobs.discard(digest, _ANY_TIME) is not None  # nobody else names it
        queues.erase(traces, tenant_id=tenant_id, by=by)
        gone = self._persons.erase(erasure.id, person, traces, erased_content)
        erasure = msgspec.structs.replace(
            erasure,
            traces=erasure.traces + gone.traces,
            spans=erasure.spans + gone.spans,
            contents=erasure.contents + gone.contents,
            comments=erasure.comments + gone.comments,
            held=erasure.held + held,
        )
        self._persons.keep(erasure)
        return erasure

    def _forget_digests(self, person: Person) -> int:
        """After the traces: those that still name the person could bring a digest back."""
        known = [
            each.id
            for each in self._hub.experiments.in_state()
            if each.started_us is not None and person.tenant_id in (None, each.tenant_id)
        ]
        return erase_from_experiments(self._experiments, known, person.user_id)

    def _drop(self, unfinished: Unfinished) -> tuple[int, int]:
        """(blobs that were removed, blobs that somebody may be about to name). What others need stays."""
        wanted = {digest for digest in unfinished.blobs if self._blobs.exists(digest)}
        if not wanted:
            return 0, 0
        removed = 0
        with self._folding.caught_up(0.0):
            place, reached = -1, 0
            while wanted and reached != place:
                place = reached
                reached, referred = self._telemetry.blobs(after=place)
                wanted -= referred
            if wanted:
                wanted -= needed(self._hub, self._runs, self._blobs)
            before_us = self._clock() - self._in_flight_us
            for digest in wanted:
                removed += self._blobs.discard(digest, before_us) is not None
        return removed, len(wanted) - removed

    def _finish(self, erasure: Erasure, unfinished: Unfinished) -> None:
        caches = [route.id for route in self._hub.routes.list() if route.cache.mode != "off"]
        for route_id in caches:
            self._hub.routes.clear_cache(route_id, by=erasure.begun_by)
        for part in sorted(unfinished.parts):
            self._persons.rewrite(part)
        over = msgspec.structs.replace(erasure, caches=len(caches), finished_us=self._clock())
        with self._hub.records.write(erasure.begun_by) as unit:
            unit.note("finish", "erasures", over.id, over)
        self._persons.keep(over)
        _log.info("the erasure %s is done: %d traces", over.id, over.traces)

    def _all_traces(self, person: Person) -> set[bytes]:
        found: set[bytes] = set()
        place, reached = -1, 0
        while reached != place:
            place = reached
            reached, traces = self._persons.traces_of(person, after=place, limit=1000)
            found.update(traces)
        return found


def _checked(person: Person, reason: str) -> str:
    """The reason. It is kept in the clear, so it must not say whom it is about."""
    if not person.user_id or len(person.user_id) > _LONGEST_ID:
        raise UsageError("The erasure names nobody.", remedy="Give the id of an end user.", param="user_id")
    reason = reason.strip()
    if not reason or len(reason) > _LONGEST_REASON:
        raise UsageError(
            "An erasure needs a reason.",
            remedy=f"Say why in up to {_LONGEST_REASON} characters, such as the number of the request.",
            param="reason",
        )
    if len(person.user_id) > 1 and person.user_id.casefold() in reason.casefold():
        raise UsageError(
            "The reason names the person, and it stays in the audit log.",
            remedy="Give the number of the request instead.",
            param="reason",
        )
    return reason
