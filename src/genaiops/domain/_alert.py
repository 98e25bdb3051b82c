"""What was raised: something is wrong with the installation, and somebody should know."""

from typing import Literal

import msgspec

AlertState = Literal["open", "acknowledged", "closed"]
AlertSeverity = Literal["info", "warning", "critical"]


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`subject` is what it is about, `remedy` what to do. The same `kind` of the same `subject` is one alert until it
    is closed: `count` says how often it was raised, `evidence` what was seen last."""

    id: str
    tenant_id: str = "default"
    kind: str
    subject: str
    severity: AlertSeverity
    state: AlertState = "open"
    message: str
    remedy: str = ""
    evidence: dict[str, str] = {}
    count: int = 1
    first_us: int
    last_us: int
    acknowledged_by: str = ""
    acknowledged_us: int | None = None
    closed_by: str = ""
    closed_us: int | None = None
    comment: str = ""
