"""Experiments that go on by themselves: read what came, look, end what has to end, and do what the plan says then.

Everything is kept in the stores, so a restart goes on where it was.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from genaiops.arena import Forecast, forecast, look_at
from genaiops.core.errors import ConsentNeeded, GenaiopsError
from genaiops.domain import AlertSeverity, Experiment
from genaiops.domain.experiments import ExperimentDecision, ExperimentOutcome, ExperimentPlan, ExperimentTally, Look
from genaiops.hub import Hub, Why
from genaiops.ports.experiments import ExperimentStore
from genaiops.ports.telemetry import Telemetry
from genaiops.watch import ExperimentReader, traffic

_log = logging.getLogger("genaiops.control")
_BY: Final = "watch"
SAMPLED_DAYS: Final = 14
_STEPS: Final = 1.01
"""How much more users there are at the next look that is kept for the picture; whether it ends is looked at always."""
_SEVERITY: Final[dict[ExperimentOutcome, AlertSeverity]] = {
    "imbalance": "critical",
    "harm": "critical",
    "moved": "warning",
}


class Experimenting:
    """`machine`: whose telemetry this is. `ready`: raises what checks of an experiment lack here."""

    def __init__(
        self,
        hub: Hub,
        store: ExperimentStore,
        telemetry: Telemetry,
        *,
        machine: str,
        clock: Callable[[], int],
        ready: Callable[[Experiment], None] = lambda _: None,
    ) -> None:
        self._ready = ready
        self._hub = hub
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._reader = ExperimentReader(telemetry, store, machine)
        self._lock = threading.Lock()
        self._without_units: set[str] = set()

    def start(self, hub: Hub, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment:
        """See `Experiments.start`. `hub`: as who asks sees it. No call of it is missed."""
        self._ready(hub.experiments.get(experiment_id))
        head = self._telemetry.head()
        begun = hub.experiments.start(experiment_id, why=why, by=by)
        assert begun.started_us is not None
        self._reader.begin(begun, head, begun.started_us)
        return begun

    def forecast(self, application_id: str, environment_id: str, plan: ExperimentPlan) -> Forecast:
        """How long it would take at the traffic of the last two weeks, of this machine. UsageError for a plan that
        cannot be carried out."""
        plan = self._hub.experiments.live(plan)
        now = self._clock()
        found = traffic(self._telemetry, application_id, environment_id, plan, days=SAMPLED_DAYS, now_us=now)
        return forecast(plan, found)

    def remove(self, hub: Hub, experiment_id: str, *, by: str) -> None:
        hub.experiments.remove(experiment_id, by=by)
        self._store.forget(experiment_id)

    def tally(self, experiment_id: str) -> ExperimentTally:
        return self._store.tally(experiment_id)

    def looks(self, experiment_id: str) -> Sequence[Look]:
        """Those that were kept, the first first."""
        return self._store.looks(experiment_id)

    def now(self, experiment: Experiment) -> Look:
        """As it stands."""
        looks = self._store.looks(experiment.id) if experiment.state in ("ended", "decided") else ()
        if looks and looks[-1].outcome is not None:
            return looks[-1]
        return look_at(experiment.plan, self._store.tally(experiment.id), at_us=self._clock())

    def step(self) -> int:
        """All that run; how many ended. One that cannot be looked at keeps no other from it."""
        ended = 0
        with self._lock:
            for experiment in self._hub.experiments.in_state():
                try:
                    if experiment.state == "running":
                        ended += self._step(experiment)
                    elif experiment.state != "draft":
                        self._let_go(experiment.id)
                        self._hub.experiments.settle(experiment, by=_BY)
                except GenaiopsError as error:
                    _log.error("the experiment %s cannot be looked at: %s", experiment.id, error)
        return ended

    def _step(self, experiment: Experiment) -> bool:
        now = self._clock()
        tally = self._reader.step(experiment, now)
        seen = look_at(experiment.plan, tally, at_us=now)
        self._keep(experiment, seen)
        if self._hub.experiments.moved(experiment):
            reason = f"The deployment {experiment.deployment_id} was changed while it ran."
            self._end(experiment, "moved", reason)
            return True
        if seen.outcome is None:
            return False
        ended = self._end(experiment, seen.outcome, seen.reason)
        if seen.outcome == "harm" and experiment.plan.roll_back:
            self._decide(ended, "rolled_back")
        if seen.outcome == "better" and experiment.plan.promote:
            self._decide(ended, "promoted")
        return True

    def _let_go(self, experiment_id: str) -> None:
        """Who was in it is of no use any more. Each machine does so once, for one that had not heard of the end may
        have put users there after another one did."""
        if experiment_id not in self._without_units:
            self._store.forget_units(experiment_id)
            self._without_units.add(experiment_id)

    def _keep(self, experiment: Experiment, seen: Look) -> None:
        users = sum(seen.counted)
        with self._store.work(experiment.id) as work:  # other machines look, too: one after another
            kept = self._store.looks(experiment.id)
            last = sum(kept[-1].counted) if kept else 0
            if users > last * _STEPS or (seen.outcome is not None and not (kept and kept[-1].outcome)):
                work.add(seen)

    def _end(self, experiment: Experiment, outcome: ExperimentOutcome, reason: str) -> Experiment:
        ended = self._hub.experiments.end(experiment.id, outcome, reason, by=_BY)
        self._raise(ended, outcome, _SEVERITY.get(outcome, "info"), f"{_SAYS[outcome]} {reason}")
        return ended

    def _decide(self, experiment: Experiment, decision: ExperimentDecision) -> None:
        """In the name of who began it with this plan; where others have to consent, it waits for them."""
        urgent: AlertSeverity = "critical" if decision == "rolled_back" else "info"
        what = "roll-back" if decision == "rolled_back" else "promotion"
        try:
            self._hub.experiments.decide(experiment.id, decision, comment="As the plan says.", by=experiment.started_by)
        except ConsentNeeded as waiting:
            self._raise(experiment, "waits", urgent, f"Its {what} waits for consent as {waiting.approval_id}.")
        except GenaiopsError as error:
            self._raise(experiment, "failed", "critical", f"Its {what}, as the plan says, could not be made: {error}")

    def _raise(self, experiment: Experiment, kind: str, severity: AlertSeverity, message: str) -> None:
        self._hub.alerts.raise_alert(
            f"experiment_{kind}",
            f"experiment {experiment.id}",
            severity,
            message,
            remedy=f"genaiops experiment show {experiment.id}, then decide: genaiops experiment decide {experiment.id}",
            evidence={"experiment": experiment.id},
            tenant_id=experiment.tenant_id,
        )


_SAYS: Final[dict[ExperimentOutcome, str]] = {
    "better": "The candidate is better.",
    "worse": "The candidate is worse.",
    "no_difference": "The candidate is not better by what would be worth it.",
    "inconclusive": "It ended without a result.",
    "harm": "The candidate does harm.",
    "imbalance": "Users did not come in the shares that were set.",
    "moved": "It cannot go on.",
    "stopped": "It was stopped.",
}
