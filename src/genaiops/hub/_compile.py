"""What the gateway workers need, made of the records: the Snapshot, and the entries of the key log."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from genaiops.core import clock
from genaiops.domain import (
    Actor,
    ApiKey,
    Application,
    Budget,
    Deployment,
    Environment,
    IdentityIssuer,
    KeyEntry,
    Price,
    RateLimit,
    Release,
    Route,
    Scope,
    Snapshot,
    Target,
)
from genaiops.hub._guards import guards_in_force
from genaiops.hub._prompts import prompts_in_force
from genaiops.hub._scopes import limits_of
from genaiops.hub._tasks import passes_in_force
from genaiops.hub._validation import every
from genaiops.ports.records import COLLECTIONS, Change, View

_SHARED_SCOPES = ("application", "environment", "team", "tenant")
_LIMITS = {COLLECTIONS[noun].name: noun for noun in (Budget, RateLimit)}
_MANY = 100  # keys from which on one reading of all limits is cheaper than two queries a key

Limit = TypeVar("Limit", Budget, RateLimit)


def compile_snapshot(view: View, *, now_us: int, keys_file: str, keys_offset: int) -> Snapshot:
    """The Snapshot of this view and of its version; of prices, those in force and those to come."""
    deployments = tuple(every(view, Deployment))
    return Snapshot(
        version=view.version(),
        compiled_us=now_us,
        targets=tuple(every(view, Target)),
        routes=tuple(every(view, Route)),
        prices=_prices_in_force(every(view, Price), now_us),
        budgets=tuple(_shared(view, Budget)),
        rate_limits=tuple(_shared(view, RateLimit)),
        environments=tuple(every(view, Environment)),
        issuers=tuple(every(view, IdentityIssuer)),
        applications=tuple(every(view, Application)),
        releases=_releases_in_use(view, deployments),
        deployments=deployments,
        prompts=prompts_in_force(view),
        guards=guards_in_force(view),
        passes=passes_in_force(view, now_us),
        keys_file=keys_file,
        keys_offset=keys_offset,
    )


def _releases_in_use(view: View, deployments: Iterable[Deployment]) -> tuple[Release, ...]:
    serving = {share.release_id for deployment in deployments for share in deployment.shares}
    ids = sorted(serving | {one.shadow.release_id for one in deployments if one.shadow is not None})
    return tuple(release for release in (view.get(Release, release_id) for release_id in ids) if release is not None)


def _shared(view: View, noun: type[Limit]) -> Iterator[Limit]:
    """Limits of single keys stand in the keys' entries."""
    for kind in _SHARED_SCOPES:
        yield from every(view, noun, {"scope.kind": kind})


def _prices_in_force(prices: Iterable[Price], now_us: int) -> tuple[Price, ...]:
    """Of each provider and model the line in force and those to come, by provider, model and beginning.

    Of lines that begin at the same time only the newest version counts.
    """
    lines: defaultdict[tuple[str, str], dict[int, Price]] = defaultdict(dict)
    for price in sorted(prices, key=lambda price: price.version):
        lines[price.provider, price.model][price.valid_from_us] = price
    kept: list[Price] = []
    for _, by_time in sorted(lines.items()):
        begun = [begin for begin in by_time if begin <= now_us]
        current = max(begun, default=0)
        kept += [price for begin, price in sorted(by_time.items()) if begin >= current]
    return tuple(kept)


def key_entries(view: View, key_ids: Iterable[str] | None, *, now_us: int | None = None) -> Iterator[KeyEntry]:
    """The key log's entries of these keys, those with `removed` included; None: all that work now, to begin a log.

    A key has one entry for its secret and one for a former secret that still works. A key that is revoked, or whose
    actor is disabled, has removed entries. What a key's former states left in the log only `changed_key_entries` knows.
    """
    now = clock.now_us() if now_us is None else now_us
    compiler = _KeyCompiler(view, now)
    if key_ids is None:
        compiler.prefetch_limits()
        for key in every(view, ApiKey):
            yield from (entry for entry in compiler.entries(key) if not entry.removed)
        return
    for key_id in dict.fromkeys(key_ids):
        key = view.get(ApiKey, key_id)
        if key is not None:
            yield from compiler.entries(key)


def changed_key_entries(view: View, changes: Iterable[Change], *, now_us: int | None = None) -> Iterator[KeyEntry]:
    """The entries that these changes call for, where the log already has everything before them.

    Changes of keys, of limits on single keys, of actors and of environments count. A digest that a key had between two
    of them, and has no more, is removed too.
    """
    now = clock.now_us() if now_us is None else now_us
    touched = _Touched(changes)
    compiler = _KeyCompiler(view, now)
    if touched.actors or touched.environments or len(touched.keys) > _MANY:
        compiler.prefetch_limits()
    for key_id, key in touched.keys.items():
        key = key or view.get(ApiKey, key_id)
        if key is not None:
            entries = list(compiler.entries(key))
            gone = touched.digests[key_id] - {entry.digest for entry in entries}
            yield from (_removed(key, digest) for digest in sorted(gone))
            yield from entries
    told = set(touched.keys)
    for key in _ended_with(view, touched):
        if key.id not in told:
            told.add(key.id)
            yield from compiler.entries(key)


def _ended_with(view: View, touched: "_Touched") -> Iterator[ApiKey]:
    """Keys of actors and environments that changed."""
    for actor_id in touched.actors:
        yield from every(view, ApiKey, {"actor_id": actor_id})
    for environment_id in touched.environments:
        yield from every(view, ApiKey, {"environment_id": environment_id})


class _Touched:
    """What changes say about keys: `keys` in their last state (None: only their limits changed), with every digest that
    they had in between, and the actors and environments whose keys may all differ."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.keys: dict[str, ApiKey | None] = {}
        self.digests: defaultdict[str, set[bytes]] = defaultdict(set)
        self.actors: dict[str, None] = {}
        self.environments: dict[str, None] = {}
        for change in changes:
            if change.collection == COLLECTIONS[Actor].name:
                self.actors[change.entity_id] = None
            elif change.body is None:
                continue
            elif change.collection == COLLECTIONS[Environment].name:
                if change.action == "replace":
                    self.environments[change.entity_id] = None
            elif change.collection == COLLECTIONS[ApiKey].name:
                self._add(msgspec.json.decode(change.body, type=ApiKey))
            elif change.collection in _LIMITS:
                scope = msgspec.json.decode(change.body, type=_LIMITS[change.collection]).scope
                if scope.kind == "key":
                    self.keys.setdefault(scope.id, None)

    def _add(self, key: ApiKey) -> None:
        self.keys[key.id] = key
        self.digests[key.id] |= {bytes.fromhex(digest) for digest in (key.digest, key.retiring_digest) if digest}


class _KeyCompiler:
    def __init__(self, view: View, now_us: int) -> None:
        self._view = view
        self._now_us = now_us
        self._actors: dict[str, Actor | None] = {}
        self._environments: dict[str, int | None] = {}
        self._budgets: Mapping[str, list[Budget]] | None = None
        self._rate_limits: Mapping[str, list[RateLimit]] | None = None

    def prefetch_limits(self) -> None:
        """One reading of all limits on keys, instead of two queries a key."""
        self._budgets = _by_key(self._view, Budget)
        self._rate_limits = _by_key(self._view, RateLimit)

    def entries(self, key: ApiKey) -> Iterator[KeyEntry]:
        actor = self._actor(key.actor_id)
        retiring = key.retiring_digest
        works = key.revoked_us is None and actor is not None and actor.disabled_us is None
        if not works or actor is None:
            yield _removed(key, bytes.fromhex(key.digest))
            if retiring is not None:
                yield _removed(key, bytes.fromhex(retiring))
            return
        entry = self._entry(key, actor)
        yield entry
        if retiring is None:
            return
        until = key.retiring_until_us or 0
        if until <= self._now_us:
            yield _removed(key, bytes.fromhex(retiring))
        else:
            not_after = earliest(until, entry.not_after_us)
            yield msgspec.structs.replace(entry, digest=bytes.fromhex(retiring), not_after_us=not_after)

    def _entry(self, key: ApiKey, actor: Actor) -> KeyEntry:
        return KeyEntry(
            digest=bytes.fromhex(key.digest),
            key_id=key.id,
            key_name=key.name,
            actor_id=key.actor_id,
            actor_kind=actor.kind,
            tenant_id=key.tenant_id,
            team_id=key.team_id,
            environment_id=key.environment_id,
            application=key.application,
            models=key.models,
            routes=key.routes,
            addresses=key.addresses,
            scopes=key.scopes,
            not_after_us=earliest(key.expires_us, self._ends(key.environment_id)),
            budgets=self._limits(key.id, Budget, self._budgets),
            rate_limits=self._limits(key.id, RateLimit, self._rate_limits),
            regions=key.regions,
            tags=key.tags,
            guard=key.guard,
        )

    def _limits(
        self, key_id: str, noun: type[Limit], prefetched: Mapping[str, list[Limit]] | None
    ) -> tuple[Limit, ...]:
        if prefetched is None:
            return tuple(limits_of(self._view, noun, Scope("key", key_id)))
        return tuple(prefetched.get(key_id, ()))

    def _ends(self, environment_id: str) -> int | None:
        if environment_id not in self._environments:
            environment = self._view.get(Environment, environment_id)
            self._environments[environment_id] = None if environment is None else environment.expires_us
        return self._environments[environment_id]

    def _actor(self, actor_id: str) -> Actor | None:
        if actor_id not in self._actors:
            self._actors[actor_id] = self._view.get(Actor, actor_id)
        return self._actors[actor_id]


def earliest(*ends: int | None) -> int | None:
    """None: never."""
    return min((end for end in ends if end is not None), default=None)


def _by_key(view: View, noun: type[Limit]) -> Mapping[str, list[Limit]]:
    found: defaultdict[str, list[Limit]] = defaultdict(list)
    for limit in every(view, noun, {"scope.kind": "key"}):
        found[limit.scope.id].append(limit)
    return found


def _removed(key: ApiKey, digest: bytes) -> KeyEntry:
    return KeyEntry(
        digest=digest,
        key_id=key.id,
        key_name=key.name,
        actor_id=key.actor_id,
        actor_kind="person",
        tenant_id=key.tenant_id,
        team_id=None,
        environment_id=key.environment_id,
        application=None,
        models=(),
        routes=(),
        addresses=(),
        scopes=(),
        not_after_us=0,
        budgets=(),
        rate_limits=(),
        removed=True,
    )
