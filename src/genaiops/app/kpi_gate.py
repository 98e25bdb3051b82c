"""The gate of KPIs: into an environment of the kind prod comes only a release that meets every KPI that a suite
measures, of every use case that its application serves."""

from collections.abc import Mapping
from typing import Any

from genaiops.app.kpis import Kpis, told
from genaiops.app.suite_gate import brought
from genaiops.core.clock import to_iso
from genaiops.core.errors import NotFound
from genaiops.domain import Verdict
from genaiops.hub import Hub
from genaiops.ports.records import Records


class KpiGate:
    """See `genaiops.ports.gate.Gate`. What served there right before may come back without a new run: a roll-back waits
    for nothing. A KPI that no suite measures holds nothing up."""

    name = "kpis"

    def __init__(self, records: Records, kpis: Kpis) -> None:
        self._hub = Hub(records)
        self._kpis = kpis

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict | None:
        kind, _, deployment = subject.partition(":")
        application, _, environment = deployment.partition("@")
        if kind != "deployment" or not self._is_prod(environment):
            return None
        uses = [
            each
            for each in self._hub.use_cases.of_application(application)
            if any(kpi.suite for kpi in each.use_case.kpi)
        ]
        former = self._former(deployment)
        wanted = [node for node in brought(kind, change) if node not in former]
        if not uses or not wanted:
            return None
        lines = [
            line
            for node in wanted
            for line in self._kpis.of_release(self._hub.releases.get(node.removeprefix("release/")))
        ]
        sets = (
            f"{each.name}, set by {self._hub.actors.name_of(each.by)} at {to_iso(each.since_us)[:19]}Z" for each in uses
        )
        runs = (each.run for each in lines if each.run)
        evidence = tuple(dict.fromkeys((*(each.version.id for each in uses), *runs)))
        unmet = [line for line in lines if line.status != "met"]
        said = " ".join(told(unmet)) or f"all {len(lines)} KPIs that suites measure are met."
        reason = f"by the KPIs of {'; '.join(sets)}: {said}"
        return Verdict(outcome="fail" if unmet else "pass", reason=reason, evidence=evidence)

    def _is_prod(self, environment: str) -> bool:
        try:
            return self._hub.environments.get(environment).kind == "prod"
        except NotFound:
            return False

    def _former(self, deployment: str) -> set[str]:
        try:
            return {f"release/{share.release_id}" for share in self._hub.deployments.get(deployment).former}
        except NotFound:
            return set()
