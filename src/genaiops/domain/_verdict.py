"""What a Check says, and what it found where."""

from typing import Literal

import msgspec

Outcome = Literal["pass", "warn", "fail", "inconclusive", "error"]
"""An error is never a score, and never a pass."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check says of one subject. `measure` is in `unit`, over `n` observations, `interval` its bounds of
    confidence; None: not measured. `evidence` names what it looked at (runs, reports, places in a text)."""

    outcome: Outcome
    reason: str = ""
    measure: float | None = None
    unit: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None
    evidence: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something that was found in a text: the characters from `start` up to `end` (as Python counts them). `kind` is
    what it is (`email`, `iban`, `aws_access_key_id`), `family` which detector looks for such things (`pii`, `secret`).
    `checked`: more than its form speaks for it (a checksum, a table of what is given out)."""

    start: int
    end: int
    kind: str
    family: str
    checked: bool = False
