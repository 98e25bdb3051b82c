"""What somebody found in a release, a run or data, such as bias, and what is done about it."""

from typing import Literal

import msgspec

BiasSource = Literal["unknown", "data", "prompt", "model"]
"""Where it comes from: what the model was trained on or is given to read, how it is asked, or the model itself."""
FindingKind = Literal["bias", "privacy", "security", "compliance", "quality"]
BiasState = Literal["open", "closed"]


class BiasFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`about` is what it was found in (an application, `release/...`, a prompt, data, a model); of bias, `attribute` is
    by what people are told apart. `evidence` is what was measured, taken from the run where one is named. It is closed
    only with a `mitigation`, what is done; of bias also with a `source`, and `reason` says why it is thought to be
    that. `verified`: the run that shows that it helped."""

    id: str
    tenant_id: str = "default"
    kind: FindingKind = "bias"
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
