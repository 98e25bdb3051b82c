"""What the control process has open, and what its handlers work with."""

from typing import Any, Self

from genaiops.app.folding import FoldLoop
from genaiops.app.home import Home
from genaiops.app.machines import Sharing
from genaiops.app.metering import open_metering
from genaiops.app.metrics import Metrics
from genaiops.app.opening import OpenStores
from genaiops.app.own_models import restore
from genaiops.app.publish import Publisher
from genaiops.app.recovery import RecoveredSpool
from genaiops.app.settings import Settings
from genaiops.app.stores import shares_counters
from genaiops.domain import Target
from genaiops.engines import snapshot_files
from genaiops.engines.secrets_file import open_secrets
from genaiops.hub import Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.secrets import Secrets
from genaiops.ports.telemetry import Telemetry
from genaiops.providers import PROVIDERS
from genaiops.watch import Folder


class Services:
    """One of each, for the life of the control process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = home = Home(settings.home)
        self.stores = stores = OpenStores(settings, home, writer=True)
        self.hub = Hub(stores.records, providers=tuple(PROVIDERS))
        self.secrets: Secrets = open_secrets(home.path)
        spool = RecoveredSpool(stores.spool, stores.counters)
        self.folding = FoldLoop(Folder(spool, stores.telemetry, stores.blobs, open_metering(settings)))
        self.publisher = Publisher(
            records=stores.records,
            telemetry=stores.telemetry,
            counters=stores.counters,
            writer=snapshot_files.open_writer(home.snapshots),
            reader=snapshot_files.open_reader(home.snapshots),
            ceiling=settings.content.capture,
            folded=self.folding.caught_up,
        )
        self.metrics = Metrics(stores.telemetry, stores.counters, self._providers)
        self.sharing = Sharing(settings, home, stores, self.publisher) if shares_counters(settings) else None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: the web framework copies routers with everything that hangs on them."""
        return self

    def _providers(self) -> dict[str, str]:
        return {target.id: target.provider for target in self.hub.targets.list()}

    @property
    def telemetry(self) -> Telemetry:
        return self.stores.telemetry

    @property
    def counters(self) -> Counters:
        return self.stores.counters

    @property
    def blobs(self) -> Blobs:
        return self.stores.blobs

    def restore_model(self, name: str, *, by: str) -> Target:
        """See `genaiops.app.own_models.restore`."""
        return restore(self.settings, self.home, self.hub, name, by=by)

    def close(self, fold_seconds: float) -> None:
        """Fold what the spools hold, for at most that long, and close the stores."""
        self.folding.stop(fold_seconds)
        if self.sharing is not None:
            self.sharing.stop()
        self.stores.close()
