"""All services over one store."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from genaiops.core.clock import now_us
from genaiops.domain import Environment, Machine, Scope
from genaiops.hub._actors import Actors
from genaiops.hub._alerts import AlertBook
from genaiops.hub._applications import Applications
from genaiops.hub._approvals import Approvals
from genaiops.hub._artifacts import Artifacts
from genaiops.hub._budgets import Budgets, NewBudget
from genaiops.hub._confined import confine
from genaiops.hub._consenting import Consenting
from genaiops.hub._datasets import Datasets
from genaiops.hub._deployments import Deployments
from genaiops.hub._environments import Environments
from genaiops.hub._experiments import Experiments
from genaiops.hub._findings import BiasFindings
from genaiops.hub._fingerprints import Fingerprints
from genaiops.hub._groups import Groups
from genaiops.hub._guarding import Guards
from genaiops.hub._guards import policy_kind
from genaiops.hub._issuers import Issuers
from genaiops.hub._keys import Keys
from genaiops.hub._kinds import DATASET, NO_KINDS, Kinds
from genaiops.hub._labelling import Labelling
from genaiops.hub._lineage import Lineage
from genaiops.hub._policies import Policies
from genaiops.hub._prices import Prices
from genaiops.hub._prompts import PROMPT
from genaiops.hub._queues import Queues
from genaiops.hub._rate_limits import RateLimits
from genaiops.hub._release_shadows import ReleaseShadows
from genaiops.hub._releases import Releases
from genaiops.hub._routes import Routes
from genaiops.hub._targets import Targets
from genaiops.hub._tasks import Tasks
from genaiops.hub._teams import Teams
from genaiops.hub._tenants import Tenants
from genaiops.hub._use_cases import USE_CASE, UseCases
from genaiops.hub._views import SavedViews
from genaiops.ports.blobs import Blobs
from genaiops.ports.guard import Judge
from genaiops.ports.records import Records, Unit, View

KINDS: Kinds = {"dataset": DATASET, "prompt": PROMPT, "use-case": USE_CASE}
"""What is known of kinds of artifacts, but of policies, and of those that other parts know."""

SANDBOX_CAP = "10 USD"
SANDBOX_DAYS = 30


class Hub:
    """One service a noun. `clock` gives microseconds; `providers` are the names a target may use (None: any);
    `consenting` decides whether protected changes wait; `judge` whether a guard policy can be done (None: nobody).
    `kinds`: what other parts know of kinds of artifacts."""

    def __init__(
        self,
        records: Records,
        *,
        clock: Callable[[], int] = now_us,
        providers: Collection[str] | None = None,
        consenting: Consenting | None = None,
        judge: Judge | None = None,
        kinds: Kinds = NO_KINDS,
    ) -> None:
        self.records = records
        self.clock = clock
        self._providers = providers
        self.judge = judge
        self._kinds = kinds
        self.tenants = Tenants(records, clock)
        self.actors = Actors(records, clock)
        self.teams = Teams(records, clock)
        self.groups = Groups(records, clock)
        self.environments = Environments(records, clock)
        self.keys = Keys(records, clock)
        self.targets = Targets(records, clock, providers)
        self.routes = Routes(records, clock)
        self.prices = Prices(records, clock, providers)
        self.budgets = Budgets(records, clock)
        self.rate_limits = RateLimits(records, clock)
        self.issuers = Issuers(records, clock)
        self.consents = consenting or Consenting(clock)
        self.artifacts = Artifacts(records, clock, self.consents, {**KINDS, **kinds, "policy": policy_kind(judge)})
        self.use_cases = UseCases(records, clock, self.artifacts)
        self.applications = Applications(records, clock)
        self.releases = Releases(records, clock)
        self.deployments = Deployments(records, clock, self.consents)
        self.release_shadows = ReleaseShadows(records, clock)
        self.experiments = Experiments(records, clock, self.consents, kinds)
        self.lineage = Lineage(records, clock)
        self.views = SavedViews(records, clock)
        self.policies = Policies(records, clock, self.artifacts)
        self.guards = Guards(records, clock, self.artifacts, judge)
        self.alerts = AlertBook(records, clock)
        self.findings = BiasFindings(records, clock)
        self.tasks = Tasks(records, clock, self.consents)
        self.approvals = Approvals(
            records,
            clock,
            self.consents,
            {"alias": self.artifacts.apply_move, "deployment": self.deployments.apply},
        )

    def datasets(self, blobs: Blobs) -> Datasets:
        """The datasets, whose rows are in `blobs`."""
        return Datasets(self.records, blobs, self.clock)

    def fingerprints(self, blobs: Blobs) -> Fingerprints:
        """The registered documents, whose fingerprints are in `blobs`."""
        return Fingerprints(self.records, blobs, self.clock)

    def queues(self, blobs: Blobs) -> Queues:
        """The queues that people label, whose items are in `blobs`."""
        return Queues(self.records, blobs, self.clock)

    def labelling(self, blobs: Blobs) -> Labelling:
        """Who is given which item of a queue, and what they say of it."""
        return Labelling(self.records, blobs, self.clock)

    def held(self, blobs: Blobs) -> set[str]:
        """The blobs that datasets, registered documents and items of queues need, but for items made of calls."""
        return self.datasets(blobs).held() | self.fingerprints(blobs).held() | self.queues(blobs).held()

    def waiting(self, blobs: Blobs) -> Mapping[str, bytes]:
        """The blobs that held answers and items of queues need -> the trace that they are about."""
        return {**self.tasks.contents(), **self.queues(blobs).contents()}

    def scope_names(self, scopes: Iterable[Scope]) -> Mapping[Scope, str]:
        """What people call them: a key by its name, for its id says nothing; the others by their ids."""
        wanted = set(scopes)
        keys = self.keys.names(scope.id for scope in wanted if scope.kind == "key")
        return {scope: keys.get(scope.id, scope.id) if scope.kind == "key" else scope.id for scope in wanted}

    def machines(self) -> Sequence[Machine]:
        """Those that share these records; none where they are not shared."""
        with self.records.read() as view:
            return view.find(Machine)

    def create_sandbox(
        self,
        name: str,
        *,
        cap: str = SANDBOX_CAP,
        expires_us: int | None = None,
        capture: str = "full",
        tenant_id: str = "default",
        guard: str | None = None,
        by: str,
    ) -> Environment:
        """An environment for trying, with a hard budget of `cap` in all and an end (None: after SANDBOX_DAYS)."""
        end = self.clock() + SANDBOX_DAYS * 86_400_000_000 if expires_us is None else expires_us
        with self.records.write(by) as unit:
            inner = self.within(unit)
            made = inner.environments.create(
                name, "sandbox", capture=capture, tenant_id=tenant_id, expires_us=end, guard=guard, by=by
            )
            inner.budgets.create(NewBudget(scope=Scope("environment", name), limit=cap, period="total"), by=by)
        return made

    def confined(self, tenant_id: str) -> "Hub":
        """The same services as people of one business unit have them: what others own is not there."""
        return Hub(
            confine(self.records, tenant_id),
            clock=self.clock,
            providers=self._providers,
            consenting=self.consents,
            judge=self.judge,
            kinds=self._kinds,
        )

    def within(self, unit: Unit) -> "Hub":
        """The same services as parts of one unit: what they write is kept or lost with it."""
        return Hub(
            _OneUnit(unit),
            clock=self.clock,
            providers=self._providers,
            consenting=self.consents,
            judge=self.judge,
            kinds=self._kinds,
        )


class _OneUnit:
    """Records of which each reading and each writing is a part of the same open unit."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def read(self) -> AbstractContextManager[View]:
        return nullcontext(self._unit)

    def write(self, actor_id: str) -> AbstractContextManager[Unit]:  # noqa: ARG002 (the unit has its actor)
        return nullcontext(self._unit)

    def migrate(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """The unit belongs to who opened it."""
