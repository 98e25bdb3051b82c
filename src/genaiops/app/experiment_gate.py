"""The gate of experiments: a candidate gets more than its experiment gives it only when that has ended, and well."""

from collections.abc import Mapping
from typing import Any

import msgspec

from genaiops.domain import Experiment, Share, Verdict
from genaiops.hub import Hub
from genaiops.ports.records import Records

_BAD = ("worse", "harm", "imbalance")


class ExperimentGate:
    """See `genaiops.ports.gate.Gate`."""

    name = "experiments"

    def __init__(self, records: Records) -> None:
        self._hub = Hub(records)

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict | None:
        kind, _, deployment = subject.partition(":")
        if kind != "deployment":
            return None
        before, after = (_weights(change.get(side)) for side in ("from", "to"))
        about = [
            each
            for each in self._hub.experiments.in_state()
            if each.deployment_id == deployment
            and each.state in ("running", "ended")
            and after.get(each.candidate, 0.0) > before.get(each.candidate, 0.0)
        ]
        if not about:
            return None
        newest = max(about, key=lambda each: each.started_us or 0)
        return _verdict(newest)


def _verdict(experiment: Experiment) -> Verdict:
    if experiment.state == "running":
        return Verdict(
            outcome="fail",
            reason=f"the experiment {experiment.id} compares it with what serves, and has not ended. "
            f"genaiops experiment show {experiment.id}",
            evidence=(f"experiment/{experiment.id}",),
        )
    outcome = "pass" if experiment.outcome == "better" else "fail" if experiment.outcome in _BAD else "inconclusive"
    return Verdict(
        outcome=outcome,
        reason=f"the experiment {experiment.id} says {experiment.outcome}: {experiment.reason}",
        evidence=(f"experiment/{experiment.id}",),
    )


def _weights(shares: Any) -> dict[str, float]:
    """Release -> its share of 1."""
    found = msgspec.convert([msgspec.to_builtins(each) for each in shares or ()], tuple[Share, ...])
    total = sum(each.weight for each in found) or 1
    return {each.release_id: each.weight / total for each in found}
