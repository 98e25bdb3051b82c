"""What a worker has in force: the Snapshot made ready, the keys, the policies of its guards."""

import asyncio
from typing import Final

from genaiops.core.errors import StoreError
from genaiops.domain import KeyEntry, Snapshot
from genaiops.gateway.admit import Grant
from genaiops.gateway.identity import Identities
from genaiops.gateway.keyring import KeyLog, Keyring
from genaiops.gateway.plan import Plan
from genaiops.gateway.probes import Probes
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.upstream import Fleet
from genaiops.ports.counters import Counters
from genaiops.ports.guard import Guards
from genaiops.ports.secrets import Secrets
from genaiops.ports.snapshots import SnapshotReader

_AGAIN: Final = 0.003


class InForce:
    """`start`, then `poll` every 25 ms or so and whenever `version` is not the counters' word, then `aclose`."""

    def __init__(
        self,
        *,
        snapshots: SnapshotReader,
        counters: Counters,
        fleet: Fleet,
        secrets: Secrets,
        guards: Guards | None,
        settings: GatewaySettings,
    ) -> None:
        self._snapshots = snapshots
        self._counters = counters
        self._fleet = fleet
        self._secrets = secrets
        self._guards = guards
        self._chunk = settings.key_chunk
        self._probes = Probes()
        self.keys: Keyring[Grant] = Keyring(self._grant, hot=settings.hot_keys)
        self._key_log = KeyLog(snapshots, self.keys)
        self.plan: Plan | None = None
        self.identities = Identities((), secrets)
        self.version = 0
        """The counters' word that was followed last."""
        self._coming: Snapshot | None = None
        """What will be in force when its guards are ready."""
        self._acknowledged = 0
        self._again: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Load the Snapshot and all keys. StoreError when there is no Snapshot."""
        snapshot = self._snapshots.latest()
        if snapshot is not None and self._guards is not None:
            await self._guards.prepare(snapshot.guards)
        self.poll()
        if self.plan is None:
            raise StoreError(
                "There is no Snapshot to serve.", remedy="Run the preparation step first.", code="snapshot_missing"
            )
        while not self._advance():  # noqa: ASYNC110 (there is nothing to wait for: this is work, in steps)
            await asyncio.sleep(0)

    def poll(self) -> None:
        """Take up a new Snapshot, read on in the key log, acknowledge what is in force."""
        version = self._counters.version()
        if self.plan is None or version not in (self.version, self._acknowledged):
            self._load(version)
        if not self._advance() and self._again is None:
            self._again = asyncio.get_running_loop().call_later(_AGAIN, self._read_on)

    async def aclose(self) -> None:
        if self._again is not None:
            self._again.cancel()
        await self._probes.aclose()
        if self._guards is not None:
            await self._guards.aclose()

    def _load(self, version: int) -> None:
        coming = self._coming
        if coming is not None and coming.version >= version and not self._is_ready(coming):
            return
        snapshot = self._snapshots.latest()
        if snapshot is None or (self.plan is not None and snapshot.version < version):
            return  # the word is ahead of the file: the next poll will find it
        if not self._is_ready(snapshot):
            self._coming = snapshot
            return
        self._coming = None
        if self.plan is None or snapshot.version != self.plan.version:
            self.plan = Plan(snapshot, self._fleet, self._guards)
            self.identities = Identities(snapshot.issuers, self._secrets)
            self._probes.aim(self._fleet)
            self._key_log.aim(snapshot.keys_file, snapshot.keys_offset)
        self.version = version

    def _is_ready(self, snapshot: Snapshot) -> bool:
        """Whether its guards are: their making takes longer than a loop may be held up."""
        return self._guards is None or self._guards.ready(snapshot.guards)

    def _advance(self) -> bool:
        """Whether the keys are read as far as the Snapshot reaches; then it is acknowledged."""
        if not self._key_log.step(self._chunk):
            return False
        plan = self.plan
        if plan is not None and plan.version != self._acknowledged:
            self._acknowledged = plan.version
            if self._coming is None:
                self.version = self._counters.version()
            self._counters.acknowledge(plan.version)
        return True

    def _read_on(self) -> None:
        self._again = None
        if not self._advance():
            self._again = asyncio.get_running_loop().call_later(_AGAIN, self._read_on)

    def _grant(self, entry: KeyEntry) -> Grant:
        assert self.plan is not None
        return Grant(entry, self.plan)
