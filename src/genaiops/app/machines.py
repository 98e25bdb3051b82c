"""The control process's part of sharing: this machine is made known to the others, and kept in touch with them."""

import logging
import socket
from collections.abc import Sequence

from genaiops.app.home import Home
from genaiops.app.opening import OpenStores
from genaiops.app.publish import Publisher
from genaiops.app.settings import Settings
from genaiops.app.sharing import check_installed, machine_id
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError
from genaiops.core.ids import new_span_id
from genaiops.domain import Machine
from genaiops.ports.records import Records

_log = logging.getLogger("genaiops.shared")
_ACTOR = "system"


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
