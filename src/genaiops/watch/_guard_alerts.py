"""What of the records of calls is a reason for an alert: a guard that could not do its work."""

from collections.abc import Iterable, Mapping

import msgspec

from genaiops.domain import Admitted, AlertSeverity, GuardEvent

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
    """Those of some frames, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Trouble] = {}

    def see(self, call: Admitted, events: Iterable[GuardEvent], error_type: str | None, message: str | None) -> None:
        for event in events:
            if event.error is not None:
                self._add(
                    call,
                    "guard_failed",
                    f"{event.policy.partition('@')[0]}#{event.rule}",
                    f"The rule {event.rule!r} could not say: {event.error}",
                    "See `genaiops doctor`, and whether its time limit is long enough.",
                    {"error": event.error, "direction": event.direction, "detector": event.detector},
                )
        if error_type == _BROKEN:
            self._add(
                call,
                _BROKEN,
                f"environment/{call.environment_id}",
                message or "A guard policy does not work, and calls are refused.",
                "Push a version of the policy that works, or move its alias back.",
                {},
            )

    # size: a reason and its call
    def _add(
        self, call: Admitted, kind: str, subject: str, message: str, remedy: str, evidence: Mapping[str, str]
    ) -> None:
        place = (call.tenant_id, kind, subject)
        known = self._found.get(place)
        severity: AlertSeverity = "critical" if kind == _BROKEN else "warning"
        seen = {"trace_id": call.trace_id.hex(), **evidence}
        count = 1 if known is None else known.count + 1
        self._found[place] = Trouble(kind, subject, severity, message, remedy, seen, call.tenant_id, count)

    def all(self) -> list[Trouble]:
        return list(self._found.values())
