"""Gates: what decides by measurement, before people do, whether an alias or a deployment may move."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

Outcome = Literal["pass", "warn", "fail", "inconclusive", "error"]


class GateVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate says of one change. `measure` is in `unit`, over `n` observations, `interval` its bounds of
    confidence; None: not measured. `evidence` names what it looked at (runs, reports). An error is never a pass."""

    outcome: Outcome
    reason: str = ""
    measure: float | None = None
    unit: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None
    evidence: tuple[str, ...] = ()


class Gate(Protocol):
    """Called before a protected change is asked for or made. It only reads, answers within a second from what was
    measured before, and may be called from any thread."""

    @property
    def name(self) -> str: ...

    def judge(self, subject: str, change: Mapping[str, Any]) -> GateVerdict:
        """`subject` and `change` as an Approval has them. `fail` and `error` hold the change up, `inconclusive` leaves
        it to people."""
        ...
