"""What a person must look at, and what a guard policy keeps until somebody has."""

from typing import Final, Literal

import msgspec

from genaiops.domain._guard import Direction, Provenance
from genaiops.domain._routing import Operation

TaskKind = Literal["held_answer", "held_request"]
TaskState = Literal["pending", "released", "refused", "expired"]

HELD_QUEUE: Final = "guard"
HELD_HOURS: Final = 72
"""How long somebody may decide about what is held; a released answer can be fetched until then, too."""
PASS_MINUTES: Final = 60
"""How long a request that was released may be sent again."""


class HeldPart(msgspec.Struct, frozen=True, array_like=True):
    """A text as reviewers see it: what patterns found in it is taken out."""

    provenance: Provenance
    place: str
    text: str


class HeldBody(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of it, sealed: as its client gets it when it is released, and as reviewers see it."""

    body: bytes
    content_type: str
    parts: tuple[HeldPart, ...]


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something in a queue that waits for a person.

    `asked_by` is the actor whose key asked, `found` what the rule found (kind -> how often), `content` the digest of
    the sealed HeldBody among the blobs. `request` (hex) stands for the body of a held request and the key that sent it:
    once released it passes until `pass_until_us`. `solo`: who decided is who asked, being the only person here.
    """

    id: str
    kind: TaskKind
    queue: str = HELD_QUEUE
    state: TaskState = "pending"
    tenant_id: str = "default"
    environment_id: str = ""
    application: str | None = None
    key_id: str
    asked_by: str
    trace_id: str
    operation: Operation
    model: str = ""
    direction: Direction
    policy: str = ""
    rule: str
    message: str = ""
    found: dict[str, int] = {}
    content: str
    request: str = ""
    created_us: int
    expires_us: int
    decided_by: str = ""
    decided_us: int | None = None
    reason: str = ""
    solo: bool = False
    pass_until_us: int | None = None


class Pass(msgspec.Struct, frozen=True, array_like=True):
    """A request that was held and released: this body of this key passes until then."""

    key_id: str
    request: str
    until_us: int
