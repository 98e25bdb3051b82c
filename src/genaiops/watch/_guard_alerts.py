"""What of the records of calls is a reason for an alert: a guard that could not do its work."""

import logging
from collections.abc import Iterable, Mapping

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import Admitted, AlertSeverity, GuardEvent
from genaiops.ports.alerts import Alerts

_log = logging.getLogger("genaiops.watch")

_BROKEN = "guard_broken"


class Trouble(msgspec.Struct):
    """One reason, as often as it was seen."""

    kind: str
    subject: str
    severity: AlertSeverity
    message: str
    remedy: str
    evidence: Mapping[str, str]
    tenant_id: str
    count: int = 1


class Troubles:
    """Those of some calls, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Trouble] = {}

    def see(self, call: Admitted, events: Iterable[GuardEvent], error_type: str | None, message: str | None) -> None:
        self.failed(events, trace_id=call.trace_id, tenant_id=call.tenant_id)
        if error_type == _BROKEN:
            self._add(
                Trouble(
                    _BROKEN,
                    f"environment/{call.environment_id}",
                    "critical",
                    message or "A guard policy does not work, and calls are refused.",
                    "Push a version of the policy that works, or move its alias back.",
                    {"trace_id": call.trace_id.hex()},
                    call.tenant_id,
                )
            )

    def failed(self, events: Iterable[GuardEvent], *, trace_id: bytes, tenant_id: str) -> None:
        """Detectors among these that could not say, whatever followed from it."""
        for event in events:
            if event.error is not None:
                self._add(
                    Trouble(
                        "guard_failed",
                        f"{event.policy.partition('@')[0]}#{event.rule}",
                        "warning",
                        f"The rule {event.rule!r} could not say: {event.error}",
                        "See `genaiops doctor`, and whether its time limit is long enough.",
                        {
                            "trace_id": trace_id.hex(),
                            "error": event.error,
                            "direction": event.direction,
                            "detector": event.detector,
                        },
                        tenant_id,
                    )
                )

    def _add(self, trouble: Trouble) -> None:
        place = (trouble.tenant_id, trouble.kind, trouble.subject)
        known = self._found.get(place)
        trouble.count += 0 if known is None else known.count
        self._found[place] = trouble

    def tell(self, alerts: Alerts) -> None:
        """What was done stays done when an alert cannot be raised: the log says so instead."""
        for trouble in self._found.values():
            try:
                alerts.raise_alert(
                    trouble.kind,
                    trouble.subject,
                    trouble.severity,
                    trouble.message,
                    remedy=trouble.remedy,
                    evidence=trouble.evidence,
                    tenant_id=trouble.tenant_id,
                    count=trouble.count,
                )
            except GenaiopsError as error:
                _log.error("an alert (%s) could not be raised: %s", trouble.message, error)
