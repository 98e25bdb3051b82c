"""Alerts in the records: raised once, counted while they are open, closed by a person."""

import threading
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.core.errors import Conflict
from genaiops.core.ids import new_id
from genaiops.domain import Alert, AlertSeverity, AlertState
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_text
from genaiops.ports.alerts import ALERT_PAUSE_US
from genaiops.ports.records import Records

_WRITER: Final = "watch"

_Place = tuple[str, str, str]


class AlertBook(Service[Alert]):
    """See ports.alerts.Alerts."""

    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Alert, "alert")
        self._lock = threading.Lock()
        self._written: dict[_Place, int] = {}
        self._counted: dict[_Place, int] = {}

    # size: what is raised has six sides
    def raise_alert(
        self,
        kind: str,
        subject: str,
        severity: AlertSeverity,
        message: str,
        *,
        remedy: str = "",
        evidence: Mapping[str, str] | None = None,
        tenant_id: str = "default",
        count: int = 1,
    ) -> None:
        now, place = self._clock(), (tenant_id, kind, subject)
        with self._lock:
            count += self._counted.pop(place, 0)
            if now < self._written.get(place, 0) + ALERT_PAUSE_US:
                self._counted[place] = count
                return
            raised = Alert(
                id=new_id("alr"),
                tenant_id=tenant_id,
                kind=kind,
                subject=subject,
                severity=severity,
                message=message,
                remedy=remedy,
                evidence=dict(evidence or {}),
                count=count,
                first_us=now,
                last_us=now,
            )
            with self._records.write(_WRITER) as unit:
                known = next(
                    (
                        each
                        for each in unit.find(Alert, {"kind": kind, "subject": subject, "tenant_id": tenant_id})
                        if each.state != "closed"
                    ),
                    None,
                )
                if known is None:
                    unit.add(raised)
                else:
                    unit.replace(
                        msgspec.structs.replace(
                            raised,
                            id=known.id,
                            state=known.state,
                            count=known.count + count,
                            first_us=known.first_us,
                            acknowledged_by=known.acknowledged_by,
                            acknowledged_us=known.acknowledged_us,
                            comment=known.comment,
                        )
                    )
            self._written[place] = now

    def latest(self, kind: str, subject: str, *, tenant_id: str = "default") -> Alert | None:
        with self._records.read() as view:
            found = view.find(Alert, {"kind": kind, "subject": subject, "tenant_id": tenant_id})
        return max(found, key=lambda each: (each.last_us, each.id), default=None)

    def in_state(self, state: AlertState | None = None) -> Sequence[Alert]:
        """Not closed ones first, then the last raised first; None: all."""
        found = self._all(None if state is None else {"state": state})
        return sorted(found, key=lambda each: (each.state == "closed", -each.last_us, each.id))

    def acknowledge(self, alert_id: str, *, comment: str = "", by: str) -> Alert:
        """Somebody looks after it. Conflict when it is not open."""
        with self._records.write(by) as unit:
            alert = self._existing(unit, alert_id)
            if alert.state != "open":
                raise Conflict(f"{alert_id} is {alert.state} already.", remedy="Reload the list.")
            done = msgspec.structs.replace(
                alert,
                state="acknowledged",
                acknowledged_by=by,
                acknowledged_us=self._clock(),
                comment=checked_text(comment, param="comment", longest=1000),
            )
            unit.replace(done)
        return done

    def close(self, alert_id: str, *, comment: str = "", by: str) -> Alert:
        """It is over: when it comes again, that is another alert. Conflict when it is closed."""
        with self._lock, self._records.write(by) as unit:
            alert = self._existing(unit, alert_id)
            if alert.state == "closed":
                raise Conflict(f"{alert_id} is closed already.", remedy="Reload the list.")
            done = msgspec.structs.replace(
                alert,
                state="closed",
                closed_by=by,
                closed_us=self._clock(),
                comment=checked_text(comment, param="comment", longest=1000) or alert.comment,
            )
            unit.replace(done)
            place = (alert.tenant_id, alert.kind, alert.subject)
            self._written.pop(place, None)
            self._counted.pop(place, None)
        return done
