"""Alerts: something is wrong with the installation, and somebody should know."""

from collections.abc import Mapping
from typing import Final, Protocol

from genaiops.domain import Alert, AlertSeverity

ALERT_PAUSE_US: Final = 30_000_000
"""How long repetitions of an alert are counted before they are written: each write makes a version of the records."""


class Alerts(Protocol):
    """Safe to use from several threads."""

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
        """The same kind of the same subject is counted until it is closed. How often may be written down a little
        later, and what was not yet written is lost with the process; that it was raised at all is not."""
        ...


class AlertBook(Alerts, Protocol):
    """Alerts that can be looked up, too."""

    def latest(self, kind: str, subject: str, *, tenant_id: str = "default") -> Alert | None:
        """The one of that kind and subject that was raised last, closed or not, as it was written down."""
        ...
