"""What the control process has open, and what its handlers work with."""

from collections.abc import Mapping
from typing import Any, Self

from msgspec import structs

from genaiops import providers
from genaiops.api import RunRequest, begun_for
from genaiops.app.advice import Advice
from genaiops.app.auditing import open_auditor
from genaiops.app.choices import Choices
from genaiops.app.erasing import Erasing
from genaiops.app.evaluations import Evaluations
from genaiops.app.experiment_gate import ExperimentGate
from genaiops.app.experimenting import Experimenting
from genaiops.app.exporting import ExportLoop
from genaiops.app.fact_checking import FactChecking
from genaiops.app.folding import FoldLoop
from genaiops.app.found_facts import found_facts
from genaiops.app.home import Home
from genaiops.app.item_sources import ItemSources
from genaiops.app.judging import Judging
from genaiops.app.kpi_gate import KpiGate
from genaiops.app.kpis import Kpis
from genaiops.app.live_checks import LiveChecks
from genaiops.app.live_judges import LiveJudges
from genaiops.app.machines import Sharing
from genaiops.app.merge_reports import MergeReports
from genaiops.app.metering import open_metering
from genaiops.app.metric_anomalies import AnomalyReader
from genaiops.app.metrics import Metrics
from genaiops.app.opening import OpenStores
from genaiops.app.own_models import restore
from genaiops.app.provenance import provenance_state
from genaiops.app.publish import Publisher
from genaiops.app.recovery import RecoveredSpool
from genaiops.app.risks import Risks
from genaiops.app.running import ServerRuns
from genaiops.app.settings import Settings
from genaiops.app.sign_in import open_identity_provider
from genaiops.app.stores import shares_counters
from genaiops.app.suite_gate import SuiteGate
from genaiops.app.suite_kind import SUITE
from genaiops.app.trace_options import read_shares
from genaiops.app.vitals import VitalsLoop
from genaiops.app.watching import SuiteWatches
from genaiops.arena import SweepAsked
from genaiops.checks.tokens import Estimator
from genaiops.core.clock import now_us
from genaiops.domain import Actor, Run, Target
from genaiops.engines import snapshot_files
from genaiops.engines.document_files import DocumentFiles
from genaiops.engines.person_keys import PersonKeys
from genaiops.engines.seals_secret import open_seals
from genaiops.engines.secrets_file import open_secrets
from genaiops.gateway import Quoting
from genaiops.guard import PolicyJudge, Replays
from genaiops.hub import Consenting, Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.telemetry import Telemetry
from genaiops.providers import PROVIDERS
from genaiops.watch import AbuseBounds, AbuseWatch, DisparityBounds, DisparityWatch, Folder
from genaiops.watch.otlp import Capture, Ingest

_ALONE = "here"
"""What a machine is called that shares nothing with others."""


class Services:
    """One of each, for the life of the control process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = home = Home(settings.home)
        self.stores = stores = OpenStores(settings, home, writer=True)
        documents = DocumentFiles(home.documents, stores.blobs)
        self.secrets: Secrets = open_secrets(home.path)
        self._judge = self._open_judge(documents)
        self.evaluations = Evaluations(stores.runs, home, lambda suite: found_facts(self.hub, suite))
        self.kpis = Kpis(Hub(stores.records), stores.runs, self.evaluations)
        self.hub = self._open_hub(stores)
        self.seals: Seals = open_seals(self.secrets)
        self.identity_provider = open_identity_provider(settings.oidc, self.secrets)
        self.auditor = open_auditor(stores.records, self.secrets, home)
        spool = RecoveredSpool(stores.spool, stores.counters)
        self.metering = open_metering(settings)
        hub = self.hub
        self.folding = FoldLoop(
            Folder(spool, stores.telemetry, stores.blobs, self.metering, held=hub.tasks.hold, alerts=hub.alerts)
        )
        self.quoting = Quoting(providers.load, stores.counters, Estimator())
        self.publisher = Publisher(
            records=stores.records,
            telemetry=stores.telemetry,
            counters=stores.counters,
            writer=snapshot_files.open_writer(home.snapshots),
            reader=snapshot_files.open_reader(home.snapshots),
            ceiling=settings.content.capture,
            folded=self.folding.caught_up,
            rates=self.metering.rates if self.metering is not None else None,
        )
        self.publisher.lay_out = documents.lay
        self.ingest = self._open_ingest(stores)
        self.export = ExportLoop(
            settings.export, home.path / "export.cursor", stores.telemetry, stores.blobs, self.secrets
        )
        self.erasing = self._open_erasing(stores, home)
        self.runs = ServerRuns(settings, home, stores.runs, hub, self.publisher)
        self.sources = ItemSources(stores.blobs, stores.runs)
        self.facts = FactChecking(stores.blobs, stores.runs, home.path)
        self.live_checks, self.experiments = self._open_experiments()
        self.risks = self._open_risks()
        self.replays = Replays(now_us, stores.replays)
        self.merge_reports = MergeReports(home, stores.runs)
        self.choices = Choices(hub, home)
        self.watches = SuiteWatches(hub, stores.runs, self._begin)
        self.abuse = AbuseWatch(stores.telemetry, hub.alerts, now_us, AbuseBounds(**structs.asdict(settings.abuse)))
        disparity = DisparityBounds(**structs.asdict(settings.disparity))
        self.disparity = DisparityWatch(stores.telemetry, hub.alerts, disparity)
        self.judging = Judging(stores.telemetry, stores.blobs, self.hub, self._open_advice())
        self.metrics = Metrics(stores.telemetry, stores.counters, self._providers)
        self.anomalies = AnomalyReader(stores.telemetry)
        self.vitals = VitalsLoop(home)
        self.sharing = Sharing(settings, home, stores, self.publisher) if shares_counters(settings) else None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: the web framework copies routers with everything that hangs on them."""
        return self

    def _open_ingest(self, stores: OpenStores) -> Ingest:
        asked = self.settings.ingest
        return Ingest(
            stores.telemetry,
            stores.blobs,
            lambda: self.publisher.prices,
            spans_per_minute=asked.spans_per_minute,
            shares=read_shares(asked.sample),
            clock=now_us,
        )

    def _open_experiments(self) -> tuple[LiveChecks, Experimenting]:
        stores, home = self.stores, self.home
        machine = home.machine.read_text().strip() if home.machine.exists() else _ALONE
        judges = LiveJudges(self.settings, home, stores.runs, self.hub, self.publisher, self.secrets, now_us)
        checks = LiveChecks(
            self.hub,
            stores.experiments,
            stores.telemetry,
            stores.blobs,
            self.facts,
            judges,
            machine=machine,
            clock=now_us,
        )
        experiments = Experimenting(
            self.hub, stores.experiments, stores.telemetry, machine=machine, clock=now_us, ready=checks.ready
        )
        return checks, experiments

    def _open_erasing(self, stores: OpenStores, home: Home) -> Erasing:
        return Erasing(
            stores,
            self.hub,
            self.folding,
            keys=PersonKeys(home.person_keys),
            clock=now_us,
        )

    def _begin(self, actor: Actor, suite: str, environment: str, facts: Mapping[str, str]) -> Run:
        """A run that nobody asks for at this moment, for who wanted it."""
        return begun_for(self, actor, RunRequest(suite=suite, environment_id=environment), facts)

    def begin_suite(self, actor: Actor, name: str, document: Mapping[str, Any], environment: str | None) -> Run:
        """A run of a suite that the console wrote, as that person, who is here."""
        asked = RunRequest(name=name, document=dict(document), environment_id=environment)
        return begun_for(self, actor, asked, {})

    def begin_kept(self, actor: Actor, suite: str, environment: str | None, sweep: SweepAsked | None) -> Run:
        """Likewise of a version that is kept; with `sweep` of each of its cells."""
        return begun_for(self, actor, RunRequest(suite=suite, environment_id=environment, sweep=sweep), {})

    def _open_hub(self, stores: OpenStores) -> Hub:
        gates = (
            SuiteGate(stores.records, stores.runs, self.settings.access.gate),
            KpiGate(stores.records, self.kpis),
            ExperimentGate(stores.records),
        )
        return Hub(
            stores.records,
            providers=tuple(PROVIDERS),
            consenting=Consenting(now_us, mode=self.settings.access.approval, gates=gates),
            judge=self._judge,
            kinds={"suite": SUITE},
        )

    def _open_advice(self) -> Advice:
        """For one event loop each."""
        return Advice(self.home, self.settings.guard, self.secrets.get, timeout=30.0)

    def _open_risks(self) -> Risks:
        return Risks(
            self.stores.runs,
            self.evaluations,
            disparity=self.settings.disparity.by,
            provenance=lambda: self.provenance,
            broken=self._open_advice().broken,
        )

    def _open_judge(self, documents: DocumentFiles) -> PolicyJudge:
        advice = self._open_advice()
        return PolicyJudge(
            advice.classifiers,
            advice.names,
            documents.find,
            known=advice.known,
            lacks=advice.lacks,
            leave=advice.aclose,
        )

    def _providers(self) -> dict[str, str]:
        return {target.id: target.provider for target in self.hub.targets.list()}

    def capture_of(self, environment_id: str) -> Capture:
        return self.publisher.capture_of(environment_id)

    @property
    def telemetry(self) -> Telemetry:
        return self.stores.telemetry

    @property
    def counters(self) -> Counters:
        return self.stores.counters

    @property
    def blobs(self) -> Blobs:
        return self.stores.blobs

    @property
    def provenance(self) -> ProvenanceState:
        return provenance_state(self.settings, self.home)

    def restore_model(self, name: str, *, by: str) -> Target:
        """See `genaiops.app.own_models.restore`."""
        return restore(self.settings, self.home, self.hub, name, by=by)

    def fold_now(self) -> None:
        """Bring what the workers have written so far into the records and the telemetry."""
        with self.folding.caught_up():
            pass

    def close(self, fold_seconds: float) -> None:
        """Fold what the spools hold, for at most that long, and close the stores."""
        self.replays.close()
        self._judge.close()
        self.erasing.stop()
        self.ingest.stop()
        self.export.stop()
        self.folding.stop(fold_seconds)
        self.vitals.stop()
        if self.sharing is not None:
            self.sharing.stop()
        self.stores.close()
