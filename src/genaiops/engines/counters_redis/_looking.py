"""For operators: which machines were heard, who is awaited, and how one is forgotten."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis
from redis.exceptions import RedisError

from genaiops.core.errors import Unavailable
from genaiops.engines.counters_redis import _scripts as scripts
from genaiops.engines.counters_redis._place import ANSWER_SECONDS, CONNECT_SECONDS, Place


class Seen(NamedTuple):
    """When each machine was heard last (microseconds since the epoch, by the server's clock), and who has to tell what
    it holds before anything is lent."""

    heard_us: Mapping[str, int]
    awaited: frozenset[str]


def look(place: Place) -> Seen:
    """Unavailable when the server cannot be asked."""
    with _client(place) as client:
        beats = client.hgetall(f"{place.prefix}beats")
        awaited = client.smembers(f"{place.prefix}pending")
    heard = {name.decode(): int(milliseconds) * 1000 for name, milliseconds in beats.items()}
    return Seen(heard, frozenset(name.decode() for name in awaited))


def forget(place: Place, machine: str) -> int:
    """A machine that never comes back; of how many counters it had leases, which count as used from now on."""
    with _client(place) as client:
        return int(client.eval(scripts.FORGET, 0, place.prefix, machine))


@contextmanager
def _client(place: Place) -> Generator[Any]:
    client: Any = redis.Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
        place.url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS
    )
    try:
        yield client
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"The store of the shared counters, {place.shown}, does not answer: {error}.",
            remedy="Check stores.counters and that server.",
            code="counters_unreachable",
        ) from error
    finally:
        client.close()
