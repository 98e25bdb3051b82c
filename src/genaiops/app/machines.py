"""The control process's part of sharing: this machine is made known to the others, and kept in touch with them."""

import logging
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Literal

import msgspec

from genaiops.app.home import Home
from genaiops.app.opening import OpenStores
from genaiops.app.publish import Publisher
from genaiops.app.settings import Settings
from genaiops.app.sharing import check_installed, machine_id
from genaiops.app.stores import records_url, shares_counters
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.core.ids import new_span_id
from genaiops.domain import Machine
from genaiops.engines.records_sql import open_records
from genaiops.ports.records import Records

_log = logging.getLogger("genaiops.shared")
_ACTOR = "system"
_ALIVE_US = 5_000_000


def register(records: Records, home: Home) -> Machine:
    """Make this data directory known to the others, once. A copy of a data directory must not run beside the first."""
    check_installed()
    name = socket.gethostname()
    known = home.machine.read_text().strip() if home.machine.exists() else ""
    with records.write(_ACTOR) as unit:
        found = unit.get(Machine, known) if known else None
        if found is not None:
            return found
        machine = Machine(id=known or f"{name}-{new_span_id().hex()[:8]}", name=name, created_us=now_us())
        unit.add(machine)
        home.machine.write_text(f"{machine.id}\n")
    return machine


class Sharing:
    """Keeps this machine's leases, and tells what the others have in force."""

    def __init__(self, settings: Settings, home: Home, opened: OpenStores, publisher: Publisher) -> None:
        from genaiops.engines.counters_redis import LeaseKeeper, place_of

        self.place = place_of(settings.stores.counters)
        self.machine = machine_id(home)
        self._records = opened.records
        self._members: tuple[str, ...] = (self.machine,)
        self.keeper = LeaseKeeper(
            self.place,
            self.machine,
            opened.counters,
            opened.counters.leases,
            members=self._all_members,
            on_target=lambda _: publisher.publish(),
        )
        publisher.lowest_elsewhere = self._lowest

    def start(self) -> None:
        self.keeper.start()

    def stop(self) -> None:
        self.keeper.stop()

    def machines(self) -> Sequence[Machine]:
        with self._records.read() as view:
            return view.find(Machine)

    def _lowest(self) -> int:
        """As of the last beat; when this machine is cut off, what the others have is unknown: they are waited for."""
        return self.keeper.told.lowest

    def _all_members(self) -> Sequence[str]:
        """Every machine that shares the records; when those cannot be read, as they were last."""
        try:
            self._members = tuple(machine.id for machine in self.machines())
        except GenaiopsError as error:
            _log.warning("the machines cannot be read, as known last they are taken: %s", error)
        return self._members


class KnownMachine(msgspec.Struct, frozen=True):
    """`state`: alive, silent (with leases, perhaps), or awaited: nothing of hard limits is leased before it has told
    what it holds. `heard_at` is null when the store of the counters does not know it."""

    id: str
    name: str
    state: Literal["alive", "silent", "awaited"]
    heard_at: str | None


def known_machines(settings: Settings) -> list[KnownMachine]:
    """All that share the records. Unavailable when the store of the counters cannot be asked."""
    home = Home(settings.home)
    if not shares_counters(settings):
        return []
    check_installed()
    from genaiops.engines.counters_redis import look, place_of

    seen = look(place_of(settings.stores.counters))
    with closing(open_records(records_url(settings, home))) as records, records.read() as view:
        machines = view.find(Machine)
    found: list[KnownMachine] = []
    for machine in machines:
        heard_us = seen.heard_us.get(machine.id)
        alive = heard_us is not None and now_us() - heard_us < _ALIVE_US
        state = "awaited" if machine.id in seen.awaited else "alive" if alive else "silent"
        found.append(KnownMachine(machine.id, machine.name, state, None if heard_us is None else to_iso(heard_us)))
    return found


def forget_machine(settings: Settings, machine_id: str) -> int:
    """Out of the records and of the waiting. Conflict while it is alive; of how many counters it had leases."""
    known = {machine.id: machine for machine in known_machines(settings)}
    if machine_id not in known:
        raise NotFound(f"There is no machine {machine_id!r}.", remedy="genaiops machine list shows them.")
    if known[machine_id].state == "alive":
        raise Conflict(
            f"The machine {machine_id!r} is alive.", remedy="Stop it first: it would join again.", code="machine_alive"
        )
    from genaiops.engines.counters_redis import forget, place_of

    url = records_url(settings, Home(settings.home))
    with closing(open_records(url)) as records, records.write(_ACTOR) as unit:
        unit.remove(Machine, machine_id)
    return forget(place_of(settings.stores.counters), machine_id)
