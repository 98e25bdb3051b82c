"""Bias that somebody found, where it comes from, and what is done about it."""

from typing import Literal

import msgspec

BiasSource = Literal["unknown", "data", "prompt", "model"]
"""Where it comes from: what the model was trained on or is given to read, how it is asked, or the model itself."""
BiasState = Literal["open", "closed"]


class BiasFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`about` is what it was found in (an application, a prompt, a model), `attribute` by what people are told apart.
    `evidence` is what was measured, taken from the run where one is named. `source` with `reason`, why it is thought to
    be that, and `mitigation`, what is done, are both there before it is closed; `verified`: the run that shows it."""

    id: str
    tenant_id: str = "default"
    title: str
    about: str = ""
    attribute: str = ""
    state: BiasState = "open"
    source: BiasSource = "unknown"
    reason: str = ""
    mitigation: str = ""
    run: str = ""
    verified: str = ""
    evidence: dict[str, str] = {}
    created_us: int
    created_by: str
    changed_us: int
    changed_by: str
    closed_us: int | None = None
    closed_by: str = ""
