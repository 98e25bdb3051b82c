"""Publishing: after a write to the records the workers get a new Snapshot and the changes of keys, and say when they
have them in force."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Literal

import msgspec

from genaiops.app import budgets
from genaiops.core.clock import now_us
from genaiops.domain import EnergyRate, Environment, Price, Snapshot, Target
from genaiops.hub import changed_key_entries, compile_snapshot, documents_of, key_entries
from genaiops.ports.counters import Counters
from genaiops.ports.records import Change, Records, View
from genaiops.ports.snapshots import SnapshotReader, SnapshotWriter
from genaiops.ports.telemetry import Telemetry

Capture = Literal["full", "preview", "off"]

ACKNOWLEDGE_SECONDS = 1.0
RESTART_KEYS_AFTER = 50_000
"""Entries appended to a key log before it is written anew without what they replaced."""

_LONGEST_WRITE_US = 15_000_000
_PAGE = 1000
_NOBODY = 1 << 62
_LEVELS: Sequence[Capture] = ("off", "preview", "full")


class Publisher:
    """Belongs to the control process; any thread may use it. `folded` is entered while a budget's beginning is worked
    out: inside it the telemetry has what the spools had when it was entered. `ceiling` bounds what content is kept.
    `rates` says what is known of the energy of targets."""

    def __init__(
        self,
        *,
        records: Records,
        telemetry: Telemetry,
        counters: Counters,
        writer: SnapshotWriter,
        reader: SnapshotReader,
        ceiling: Capture = "full",
        folded: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
        rates: Callable[[Iterable[Target]], tuple[EnergyRate, ...]] | None = None,
    ) -> None:
        self._records = records
        self._telemetry = telemetry
        self._counters = counters
        self._writer = writer
        self._ceiling: Capture = ceiling
        self._folded = folded
        self._rates = rates
        self.lay_out: Callable[[Collection[str]], None] | None = None
        """Brings registered documents (by digest) to where workers find them, before a Snapshot names them."""
        self.lowest_elsewhere: Callable[[], int] = lambda: _NOBODY
        """The lowest version that another live machine has in force, where machines tell each other."""
        self._lock = threading.Lock()
        self._latest = reader.latest()
        self._appended = 0
        self._resets_done: set[tuple[str, int]] = set()

    @property
    def version(self) -> int:
        """Of the last published Snapshot, 0 when there is none."""
        return self._latest.version if self._latest is not None else 0

    @property
    def prices(self) -> tuple[Price, ...]:
        """As they are in force; the same object until something was published."""
        return self._latest.prices if self._latest is not None else ()

    def capture_of(self, environment_id: str) -> Capture:
        """What may be kept of the content of that environment's calls. Of one that is not there: nothing."""
        environments = self._latest.environments if self._latest is not None else ()
        captures: dict[str, Capture] = {one.id: one.capture for one in environments}
        return captures.get(environment_id, "off")

    def publish(self, *, again: bool = False, anew: bool = False) -> int:
        """Publish what the records hold now; the version in force. Cheap when nothing was written; `again` publishes
        even then (the settings may be others), `anew` also begins a new key log."""
        with self._lock:
            latest = self._latest
            with self._records.read() as view:
                if latest is not None and not again and not anew and view.version() == latest.version:
                    return latest.version
                changes = _changes(view, latest.version) if latest is not None else []
                self._begin_budgets(changes, latest)
                place = self._write_keys(view, changes, None if anew else latest)
                snapshot = compile_snapshot(view, now_us=now_us(), keys_file=place[0], keys_offset=place[1])
            self._latest = self._rated(self._bounded(snapshot))
            if self.lay_out is not None:
                self.lay_out({each.partition("@")[2] for one in snapshot.guards for each in documents_of(one.policy)})
            self._writer.publish(self._latest)
            self._counters.set_version(snapshot.version)
            return snapshot.version

    def wait(self, version: int, seconds: float = ACKNOWLEDGE_SECONDS) -> bool:
        """Whether every live worker has that version in force, within that time."""
        end = time.monotonic() + seconds
        while not self._acknowledged(version):
            if time.monotonic() > end:
                return False
            time.sleep(0.002)
        return True

    async def publish_and_wait(self, seconds: float = ACKNOWLEDGE_SECONDS) -> bool:
        """After a write: True when it is in force everywhere (answer 200), False when it will be (answer 202)."""
        return await asyncio.to_thread(lambda: self.wait(self.publish(), seconds))

    def _write_keys(self, view: View, changes: Sequence[Change], latest: Snapshot | None) -> tuple[str, int]:
        """The key log's file and end: a new one without `latest` or when this one is long, else what changed."""
        if latest is None or self._appended > RESTART_KEYS_AFTER:
            self._appended = 0
            return self._writer.restart_keys(key_entries(view, None))
        entries = list(changed_key_entries(view, changes))
        self._appended += len(entries)
        return self._writer.append_keys(entries) if entries else (latest.keys_file, latest.keys_offset)

    def _acknowledged(self, version: int) -> bool:
        return self.lowest_elsewhere() >= version and all(
            reached >= version for reached in self._counters.acknowledged().values()
        )

    def _begin_budgets(self, changes: Sequence[Change], latest: Snapshot | None) -> None:
        if not any(change.collection == "budgets" for change in changes):
            return
        # A reset is stamped inside its write; one that the last publishing just missed is older than that by a write.
        since_us = latest.compiled_us - _LONGEST_WRITE_US if latest is not None else 0
        with self._folded():
            budgets.begin(changes, since_us, counters=self._counters, telemetry=self._telemetry, done=self._resets_done)

    def _bounded(self, snapshot: Snapshot) -> Snapshot:
        """No environment keeps more of the content than the settings allow."""
        return msgspec.structs.replace(snapshot, environments=tuple(map(self._bound, snapshot.environments)))

    def _rated(self, snapshot: Snapshot) -> Snapshot:
        """With what is known of the energy of its targets, which workers cannot find out."""
        return (
            snapshot if self._rates is None else msgspec.structs.replace(snapshot, energy=self._rates(snapshot.targets))
        )

    def _bound(self, environment: Environment) -> Environment:
        capture = min(environment.capture, self._ceiling, key=_LEVELS.index)
        return msgspec.structs.replace(environment, capture=capture)


def _changes(view: View, after: int) -> list[Change]:
    found: list[Change] = []
    while page := view.changes(after, limit=_PAGE):
        found += page
        after = page[-1].seq
    return found
