"""Gates: what decides by measurement, before people do, whether an alias or a deployment may move."""

from collections.abc import Mapping
from typing import Any, Protocol

from genaiops.domain import Verdict


class Gate(Protocol):
    """Called before a protected change is asked for or made. It only reads, answers within a second from what was
    measured before, and may be called from any thread."""

    @property
    def name(self) -> str: ...

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict | None:
        """`subject` and `change` as an Approval has them. `fail` and `error` hold the change up, `inconclusive` leaves
        it to people, None says that it has nothing to do with this."""
        ...
