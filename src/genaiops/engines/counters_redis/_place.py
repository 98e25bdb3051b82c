"""Where the shared counters lie: `redis://host:port/database?prefix=NAME`, or `rediss://` with TLS."""

from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from genaiops.engines.counters_mmap import Name

DEFAULT_PREFIX: Final = "genaiops"
CONNECT_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 1.0
_MASK: Final = (1 << 64) - 1


class Place(NamedTuple):
    """The URL as the client takes it, and what all keys begin with."""

    url: str
    prefix: str

    @property
    def shown(self) -> str:
        """Without a password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


def place_of(url: str) -> Place:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    prefix = query.pop("prefix", DEFAULT_PREFIX)
    return Place(urlunsplit(parts._replace(query=urlencode(query))), f"{prefix}:")


def key_of(name: Name) -> str:
    """A counter's name in keys."""
    return f"{name[0] & _MASK:016x}{name[1] & _MASK:016x}"
