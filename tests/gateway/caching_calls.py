"""Calls of a route that keeps answers."""

from typing import Any

from msgspec.structs import replace

from genaiops.domain import CachePolicy, Route
from tests.gateway.harness import CHAT, Got, Home, key, price, route, target
from tests.gateway.upstream import Upstream

EXACT = CachePolicy(mode="exact")
ASK = {**CHAT, "model": "r"}


def cached(policy: CachePolicy = EXACT, **changes: Any) -> Route:
    return replace(route("t"), cache=policy, **changes)


def publish(home: Home, up: Upstream, *keys: Any, policy: CachePolicy = EXACT, **parts: Any) -> None:
    parts = {"targets": (target(up.url),), "routes": (cached(policy),), "prices": (price(),), **parts}
    home.publish(*(keys or (key(),)), **parts)


def said(got: Got) -> str:
    """hit, miss or off."""
    assert got.status == 200, got.body
    return got.headers["x-genaiops-cache"].partition(";")[0]
