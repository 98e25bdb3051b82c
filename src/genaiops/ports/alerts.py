"""Alerts: something is wrong with the installation, and somebody should know."""

from collections.abc import Mapping
from typing import Protocol

from genaiops.domain import AlertSeverity


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
