"""What an owner sets for a gateway."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network

import msgspec

MIB = 1 << 20


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes and seconds.

    `upload_limit` is that of a form with a file in it, `body_limit` of every other body.
    `hosts` are the names (without port) that the console and the REST API answer to; empty allows loopback names only.
    `proxies` are networks of proxies in front that are believed.
    `heartbeat` is how long a stream may be silent before a comment line is sent (0: never). `key_chunk` bounds how long
    one step of reading the key log may hold the event loop. `ready_probe` answers None, or why embedded servers are
    not ready.
    `cache_wait` is how long a call waits for the answer to an equal one that is under way, at most `cache_followers` at
    a time; `cache_near_deadline` how long for the vector of a question.
    `image_tokens` is the allowance that one image, audio or file part of a prompt has in the upper bound of a call.
    """

    body_limit: int = 10 * MIB
    upload_limit: int = 26 * MIB
    answer_limit: int = 64 * MIB
    relay_body_limit: int = 64 * MIB
    hosts: tuple[str, ...] = ()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    heartbeat: float = 15.0
    key_chunk: float = 0.002
    hot_keys: int = 10_000
    image_tokens: int = 4096
    hold_back: int = 256 * 1024
    credential_rest: float = 60.0
    idempotency_window: float = 600.0
    idempotency_entries: int = 10_000
    idempotency_bytes: int = 16 * MIB
    idempotency_answer: int = MIB
    cache_wait: float = 10.0
    cache_followers: int = 1000
    cache_near_deadline: float = 0.05
    ready_probe: Callable[[], str | None] | None = None
