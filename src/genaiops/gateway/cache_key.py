"""What makes two calls the same for the cache: everything that the answer depends on, and whoever may read it.

The digest is taken over the version of the route (with its targets), operation and dialect, tenant, environment, scope,
access groups of the signed user, the targets that the key can reach, and the fields of the body, each with its bytes as
they came, in order of their names. `stream`, `user` and the like are left out. Spaces between the fields do not count;
spaces inside of them do.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw

from genaiops.domain import CachePolicy, Route, Target
from genaiops.gateway.guarding import references

if TYPE_CHECKING:
    from genaiops.gateway.call import Call

LARGEST = 262_144
"""Bytes of a body that is looked up: the event loop reads all of it."""

_DROPPED = frozenset({"stream", "stream_options", "user", "metadata", "genaiops"})
_raw_fields = msgspec.json.Decoder(dict[str, Raw]).decode

Fields = Mapping[str, bytes]


class CachedRoute(NamedTuple):
    """A route with a cache. `digest` stands for everything that is configured of it."""

    policy: CachePolicy
    digest: bytes


def cached_route(route: Route, targets: Sequence[Target]) -> CachedRoute | None:
    """None where the cache is off."""
    if route.cache.mode == "off":
        return None
    encoded = msgspec.json.encode((route, targets), order="deterministic")
    return CachedRoute(route.cache, hashlib.blake2b(encoded, digest_size=32).digest())


def fields_of(raw: bytes | bytearray) -> Fields | None:
    """The fields of a body, as they came. None when one is there twice: servers differ in which of them they take."""
    try:
        fields = {name: bytes(value) for name, value in _raw_fields(raw).items()}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # Without a space between the fields, and without one field twice, they are all there is.
    if len(raw) != 1 + sum(len(name.encode()) + len(value) + 4 for name, value in fields.items()) and _repeats(raw):
        return None
    return fields


def _repeats(raw: bytes | bytearray) -> bool:
    outermost = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal outermost
        outermost = len({name for name, _ in pairs}) < len(pairs)

    try:
        json.loads(raw, object_pairs_hook=look)  # the object that it ends with is the outermost
    except (ValueError, RecursionError):
        return True
    return outermost


def scope_of(call: "Call", policy: CachePolicy) -> tuple[str, str]:
    entry = call.key.entry
    if policy.scope == "tenant":
        return "tenant", entry.tenant_id
    if policy.scope == "team" and entry.team_id is not None:
        return "team", entry.team_id
    return "key", entry.key_id


def context(call: "Call", cached: CachedRoute, form: str) -> "hashlib.blake2b":
    """A hash that has taken in everything but the fields. `form`: of an answer that is kept as it was sent."""
    entry = call.key.entry
    lineup = call.lineup
    assert lineup is not None
    policy = cached.policy
    known = (
        policy.namespace,
        call.operation,
        call.speech.dialect,
        form,
        entry.tenant_id,
        entry.environment_id,
        *scope_of(call, policy),
        call.user_verified,
        sorted(call.groups),
        sorted({one.target.id for one in lineup.all}),
        *(() if call.release is None else (call.release.digest,)),
        guarded_by(call),
    )
    return hashlib.blake2b(cached.digest + msgspec.json.encode(known), digest_size=32)


def guarded_by(call: "Call") -> str:
    """Stands for the policies that an answer has passed."""
    guards = call.key.plan.guards
    return "" if guards is None or call.guard is None else guards.digest(references(call))


def add_fields(digest: "hashlib.blake2b", fields: Fields) -> None:
    for name in sorted(fields):
        if name not in _DROPPED:
            encoded, value = name.encode(), fields[name]
            digest.update(b"%d %d %b%b" % (len(encoded), len(value), encoded, value))
