"""Calls whose answer nobody gets: copies of others, for a shadow target."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.domain import Admitted
from genaiops.gateway import guarding
from genaiops.gateway.admit import Grant
from genaiops.gateway.call import Call
from genaiops.gateway.plan import Lineup
from genaiops.http1 import Exchange

_NOTHING: Final[Mapping[bytes, bytes]] = {}


class Nobody:
    """Stands where an Exchange does, for a call whose answer nobody gets."""

    started = False
    finished = False
    disconnected = False
    congested = False

    def __init__(self, peer: str, index: Mapping[bytes, bytes] = _NOTHING) -> None:
        self.peer = peer
        self.index = index

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes, body: bytes = b"") -> None:  # noqa: ARG002
        self.started = self.finished = True

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes) -> None:  # noqa: ARG002
        self.started = True

    def send(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.finished = True

    def on_disconnect(self, callback: Callable[[], None]) -> None: ...

    def run(self, work: Coroutine[Any, Any, None]) -> None:  # noqa: ARG002
        raise AssertionError("a copy is run as one task")


class Copied(Call):
    """What all copies are: as their call, for nobody."""

    holds = False

    def __init__(self, original: Call, grant: Grant) -> None:
        exchange = cast("Exchange", Nobody(original.exchange.peer, original.exchange.index))
        super().__init__(exchange, grant, original.place, original.ids, None)
        self.model = original.model
        self.streamed = original.streamed
        self.session = original.session
        self.properties = original.properties
        self.user_id = original.user_id
        self.user_verified = original.user_verified
        self._original = (original.trace_id, original.key.entry.actor_id)

    async def prepare(self) -> None:
        """Whatever takes time before its limits are asked. Raises what refuses it."""

    def admitted(self) -> Admitted:
        trace_id, actor_id = self._original
        return msgspec.structs.replace(super().admitted(), shadow_of=trace_id, actor_id=actor_id)


class Copy(Copied):
    """The copy of a call as it was sent, for one target."""

    def __init__(self, original: Call, grant: Grant, lineup: Lineup) -> None:
        super().__init__(original, grant)
        self.body = original.body
        self.raw = original.raw
        self.release = original.release
        self.lineup: Lineup | None = lineup
        guarding.open_guard(self)
