"""A worker's way to more: one round trip that leases what is wanted, never on the way of a call that needs none."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from genaiops.core.errors import Unavailable
from genaiops.engines.counters_mmap import Got, Name, RateGot, RateWant, Want
from genaiops.engines.counters_redis._place import ANSWER_SECONDS, CONNECT_SECONDS, Place, key_of
from genaiops.engines.counters_redis._rates import RATES, TICK_NS, spelt
from genaiops.engines.counters_redis._scripts import LEND

_REST_SECONDS: Final = 0.25
"""After a failure nobody tries for so long: calls are refused at once instead of waiting one by one."""

_REASONS: Final = {
    "lost": "the store of the shared counters has lost its memory, and the machines tell it again what they hold",
    "stale": "this machine joins the others anew",
}


class RedisLender:
    """Belongs to one event loop. `clock`: microseconds since the epoch, for rates, in place of the server's."""

    def __init__(self, place: Place, machine: str, *, clock: Callable[[], int] | None = None) -> None:
        self._place = place
        self._machine = machine
        client: Any = redis.asyncio.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            place.url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),  # a lost answer may have lent: asking again would lend twice
            max_connections=2,
        )
        self._client = client
        self._script = client.register_script(LEND)
        self._rates = client.register_script(RATES)
        self._clock = clock
        self._rest_until = 0.0

    async def lend(self, generation: int, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        arguments: list[str | int] = [self._place.prefix, self._machine, generation]
        for name, want in wants.items():
            arguments += key_of(name), want.limit, want.need, want.size, _milliseconds(want.window_end_us)
        status, *rest = await self._ask(self._script, arguments)
        if status != b"ok":
            raise _not_now(status.decode(), [one.decode() for one in rest[0]])
        return {name: Got(*map(int, found)) for name, found in zip(wants, rest[0], strict=True)}

    async def lend_rates(self, wants: Sequence[tuple[Name, RateWant]]) -> Sequence[RateGot]:
        now: int | str = "" if self._clock is None else self._clock()
        arguments: list[str | int] = [self._place.prefix, self._machine, now]
        for name, want in wants:
            arguments += spelt(name, want)
        status, *rest = await self._ask(self._rates, arguments)
        if status != b"ok":
            raise _not_now(status.decode(), [])
        found: list[RateGot] = []
        for told in rest[0]:
            amount, wait, ahead, born, w = map(int, told)
            found.append(RateGot(amount, wait * TICK_NS, ahead * TICK_NS, (born, w)))
        return found

    async def _ask(self, script: Any, arguments: Sequence[str | int]) -> Any:
        if time.monotonic() < self._rest_until:
            raise self._unreachable("did not answer a moment ago")
        try:
            return await script(args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_until = time.monotonic() + _REST_SECONDS
            raise self._unreachable(f"does not answer ({type(error).__name__})") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    def _unreachable(self, why: str) -> Unavailable:
        return Unavailable(
            f"The store of the shared counters, {self._place.shown}, {why}, and what this machine had leased of a hard "
            "limit is spent.",
            remedy="Try again in a moment; soft budgets and calls without hard limits go on.",
            code="budgets_unreachable",
        )


def _not_now(status: str, pending: list[str]) -> Unavailable:
    reason = _REASONS.get(status) or (
        "the store of the shared counters has lost its memory, and these machines have not told yet what they hold: "
        + ", ".join(sorted(pending))
    )
    return Unavailable(
        f"No more of a hard limit can be leased now: {reason}.",
        remedy="Try again in a moment. A machine that never comes back: genaiops machine forget ID.",
        code="budgets_unreachable",
    )


def _milliseconds(window_end_us: int) -> int:
    """When a counter may be forgotten: a day after its window, 0 for never."""
    return 0 if window_end_us >= 1 << 60 else window_end_us // 1000 + 86_400_000
