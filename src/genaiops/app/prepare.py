"""Before the processes start: stores at this program's revision, what the last run left over folded in, counters exact,
the first records made, a Snapshot to serve."""

import os
from collections.abc import Mapping
from pathlib import Path

from genaiops.app import budgets, provenance
from genaiops.app.fleet import COLUMNS
from genaiops.app.home import Home
from genaiops.app.installation import Prepared, write_atomically
from genaiops.app.machines import register
from genaiops.app.metering import open_metering
from genaiops.app.opening import OpenStores
from genaiops.app.own_classifiers import own_classifiers
from genaiops.app.own_models import own_model
from genaiops.app.publish import Publisher
from genaiops.app.recovery import lives_of, recover
from genaiops.app.settings import Settings
from genaiops.app.stores import shares_counters
from genaiops.core.clock import now_us
from genaiops.core.errors import ConfigError, Conflict
from genaiops.domain import Target
from genaiops.engines import snapshot_files
from genaiops.engines.document_files import DocumentFiles
from genaiops.engines.seals_secret import open_seals
from genaiops.engines.secrets_file import open_secrets
from genaiops.hub import Hub, bootstrap
from genaiops.ports.records import View
from genaiops.watch import Folder, Metering


def prepare(settings: Settings, embedded: Mapping[str, str]) -> Prepared:
    """`embedded`: name of a model -> base URL of its server. Nobody else may use the installation meanwhile."""
    home = Home(settings.home)
    home.prepare()
    stores = OpenStores(settings, home, writer=True)
    try:
        revisions = stores.migrate()
        open_seals(open_secrets(home.path)).ensure()
        provenance.ensure(settings, home)
        metering = open_metering(settings)
        _charge(stores)
        folded = _fold(stores, metering)
        first = (
            bootstrap(
                stores.records,
                now_us=now_us(),
                embedded=[own_model(settings, home, name, url) for name, url in embedded.items()],
                own=tuple(own_classifiers()),
                deliver=lambda text: _write_admin_key(home.admin_key, text),
            )
            is not None
        )
        if shares_counters(settings):
            register(stores.records, home)
        publisher = Publisher(
            records=stores.records,
            telemetry=stores.telemetry,
            counters=stores.counters,
            writer=snapshot_files.open_writer(home.snapshots),
            reader=snapshot_files.open_reader(home.snapshots),
            ceiling=settings.content.capture,
            rates=metering.rates if metering is not None else None,
        )
        publisher.lay_out = DocumentFiles(home.documents, stores.blobs).lay
        version = publisher.publish(anew=True)
        with stores.records.read() as view:
            budgets.rebuild(view, counters=stores.counters, telemetry=stores.telemetry, columns=COLUMNS)
            talker = _talker(view, embedded)
        return Prepared(first=first, snapshot_version=version, revisions=revisions, folded=folded, talker=talker)
    finally:
        stores.close()


def _charge(stores: OpenStores) -> None:
    """What dead workers owe to the counters, while the spools still tell it: of budgets the ledger will say it again,
    of sessions nothing else does."""
    for column in range(COLUMNS):
        if lives := lives_of(stores.spool, column):
            if stores.spool.is_alive(lives[-1]):
                raise _runs(lives[-1])
            recover(stores.counters, stores.spool, column)


def _runs(life: str) -> Conflict:
    return Conflict(
        f"A gateway worker of this data directory is still running ({life}).",
        remedy="End it (genaiops doctor names its process), then start again.",
        code="worker_alive",
    )


def _fold(stores: OpenStores, metering: Metering | None) -> int:
    """Everything the spools hold, calls under way at a death included (they become `aborted`)."""
    for life in stores.spool.lives():
        if stores.spool.is_alive(life):
            raise _runs(life)
    hub = Hub(stores.records)
    folder = Folder(stores.spool, stores.telemetry, stores.blobs, metering, held=hub.tasks.hold, alerts=hub.alerts)
    folded = 0
    while frames := folder.step():
        folded += frames
    folder.finish_dead()
    return folded


def _talker(view: View, embedded: Mapping[str, str]) -> str | None:
    """A model that the administrator's key can chat with, for the first screen: one that runs here if there is any."""
    able = [
        target
        for target in view.find(Target)
        if target.enabled and "chat" in target.operations and (not target.environments or "dev" in target.environments)
    ]
    able.sort(key=lambda target: target.id not in embedded)
    return able[0].model if able else None


def _write_admin_key(path: Path, text: str) -> None:
    try:
        write_atomically(path, f"{text}\n".encode())
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(
            f"The administrator's key cannot be written to {path}: {error.strerror}.",
            remedy="Make the data directory writable, or choose another with --home.",
        ) from error
