"""Asking targets whether they are there, so that one that rests comes back without a client's call being the test."""

import asyncio
import logging
import random
from collections.abc import Iterable

from genaiops.core.errors import GenaiopsError
from genaiops.gateway.breaker import CLOSED
from genaiops.gateway.upstream import Upstream, clock
from genaiops.ports.providers import CallBody, Wire

_log = logging.getLogger("genaiops.gateway")
_LIMIT = 1 << 22
_JITTER = 0.1
_BODY = b'{"model":"probe","messages":[]}'


class Probes:
    """One task for each target that wants probes. Each worker has its own, as it has its own breakers."""

    def __init__(self) -> None:
        self._tasks: dict[Upstream, asyncio.Task[None]] = {}

    def aim(self, upstreams: Iterable[Upstream]) -> None:
        """Probe these from now on, and no others. Within a running loop."""
        wanted = {one for one in upstreams if one.target.probe is not None and one.target.enabled}
        for gone in self._tasks.keys() - wanted:
            self._tasks.pop(gone).cancel()
        loop = asyncio.get_running_loop()
        for new in wanted - self._tasks.keys():
            self._tasks[new] = loop.create_task(_keep_asking(new))

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_asking(upstream: Upstream) -> None:
    policy = upstream.target.probe
    assert policy is not None
    while True:
        await asyncio.sleep(policy.every * random.uniform(1 - _JITTER, 1 + _JITTER))
        if policy.when == "always" or upstream.breaker.state(clock()) != CLOSED:
            try:
                await probe(upstream)
            except Exception:  # noqa: BLE001 - a probe that cannot even be made must not end all others to come
                _log.exception("the target %s could not be probed", upstream.target.id)


async def probe(upstream: Upstream) -> bool:
    """Ask once, and tell the breaker. Any answer below 500 is one: a target that has no such path is there, too."""
    target = upstream.target
    policy = target.probe
    assert policy is not None
    try:
        async with asyncio.timeout(policy.timeout):
            reply = await upstream.transport.send(_wire(upstream, policy.path), target, b"")
            status = reply.status
            try:
                await reply.read(_LIMIT)
            except BaseException:
                reply.abort()
                raise
    except (GenaiopsError, TimeoutError) as error:
        _log.info("the target %s did not answer its probe: %s", target.id, error)
        status = 599
    if status >= 500:
        upstream.breaker.fail(clock())
        return False
    upstream.breaker.revive()
    return True


def _wire(upstream: Upstream, path: str) -> Wire:
    """With the headers that a call would have, and so with its credential."""
    credential = upstream.credential(clock())
    secret = credential.value if credential is not None else None
    body = CallBody("chat", _BODY, "probe", False, False, None, False)
    made = upstream.provider.prepare(body, upstream.target, secret)
    headers = [field for field in made.headers if field[0].lower() not in (b"content-type", b"content-length")]
    return Wire(b"GET", path.encode(), headers, b"")
