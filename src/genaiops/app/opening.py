"""Opening the stores that the settings name. For the control process and the tools beside it: a gateway worker opens
only counters, spool and snapshots."""

from genaiops.app import stores
from genaiops.app.home import Home
from genaiops.app.run_store import open_run_store
from genaiops.app.settings import Settings
from genaiops.app.sharing import open_local
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.counters_mmap import MmapCounters
from genaiops.engines.experiments_sql import open_experiments
from genaiops.engines.records_sql import open_records
from genaiops.engines.spool_files import open_reader
from genaiops.engines.telemetry_sqlite import SqlitePersons, SqliteReplays, open_telemetry
from genaiops.ports.blobs import Blobs
from genaiops.ports.experiments import ExperimentStore
from genaiops.ports.persons import Persons
from genaiops.ports.records import Records
from genaiops.ports.replays import ReplayStore
from genaiops.ports.runs import Runs
from genaiops.ports.spool import SpoolReader
from genaiops.ports.telemetry import Telemetry


class OpenStores:
    """All stores of an installation, brought to this program's revision when `writer`."""

    def __init__(self, settings: Settings, home: Home, *, writer: bool) -> None:
        self.records: Records = open_records(stores.records_url(settings, home))
        telemetry = open_telemetry(stores.telemetry_folder(settings, home), writer=writer)
        self.telemetry: Telemetry = telemetry
        self.persons: Persons = SqlitePersons(telemetry)
        self.replays: ReplayStore = SqliteReplays(telemetry)
        self.counters: MmapCounters = open_local(settings, home)
        self.blobs: Blobs = open_blobs(stores.blobs_folder(settings, home))
        self.runs: Runs = open_run_store(settings, home)
        self.experiments: ExperimentStore = open_experiments(stores.runs_url(settings, home))
        self.spool: SpoolReader = open_reader(home.spool)

    def migrate(self) -> tuple[str, ...]:
        """Bring the stores to this program's revision; the revisions applied."""
        applied = self.records.migrate()
        self.telemetry.migrate()
        return tuple(applied)

    def close(self) -> None:
        self.experiments.close()
        self.runs.close()
        self.telemetry.close()
        self.records.close()
        self.counters.close()
