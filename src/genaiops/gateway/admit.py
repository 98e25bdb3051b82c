"""Who may call: the key's secret, its scopes, its time and place, and what it may name."""

import difflib
import ipaddress
from collections.abc import Iterable
from typing import Literal

from genaiops.core.clock import to_iso
from genaiops.core.errors import Forbidden, NotFound, Unauthenticated, Unavailable, UsageError
from genaiops.domain import DEFAULT_GUARD, KeyEntry, Operation, matches
from genaiops.gateway.conditions import in_regions, near, no_region, with_tags
from genaiops.gateway.limits import Lines, lines_of
from genaiops.gateway.plan import Candidate, Lineup, Named, Plan

_TAGGED = 256
_WORDS: dict[Operation, str] = {
    "chat": "chat completions",
    "text_completion": "text completions",
    "embeddings": "embeddings",
    "rerank": "rerank",
    "moderations": "moderations",
    "image_generation": "images",
    "transcription": "transcriptions",
    "speech": "speech",
    "video_generation": "videos",
    "video_job": "videos",
}


def bearer(headers: dict[bytes, bytes], query: bytes = b"") -> bytes:
    """The text of the key: `Authorization: Bearer`, `x-api-key` or `x-goog-api-key`. Unauthenticated when there is
    none. One in the query is not taken: addresses end up in the logs of whatever is on the way."""
    value = headers.get(b"authorization")
    if value is not None:
        if value[:7].lower() == b"bearer ":
            return value[7:].strip()
        raise Unauthenticated(
            "The authorization header is not of the form `Bearer KEY`.", remedy="Send `Authorization: Bearer KEY`."
        )
    value = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key")
    if value is not None:
        return value.strip()
    if any(field.startswith(b"key=") for field in query.split(b"&")):
        raise Unauthenticated(
            "A key in the address is not accepted: addresses are logged on the way.",
            remedy="Send it as the header `x-goog-api-key: KEY`, and have it replaced.",
            code="key_in_query",
        )
    raise Unauthenticated(
        "The request has no API key.",
        remedy="Send `Authorization: Bearer KEY`, `x-api-key: KEY` or `x-goog-api-key: KEY`.",
        code="missing_api_key",
    )


def unknown_key() -> Unauthenticated:
    return Unauthenticated("The API key is not known here.", remedy="Check the key, or have one made.")


class Grant:
    """What one key may do under one Snapshot, worked out once."""

    __slots__ = (
        "_networks",
        "_over",
        "_resolved",
        "_tagged",
        "acknowledged",
        "capture",
        "disclosed",
        "entry",
        "guard",
        "lines",
        "plan",
        "within",
    )

    def __init__(self, entry: KeyEntry, plan: Plan) -> None:
        self.entry = entry
        self.plan = plan
        environment = plan.environments.get(entry.environment_id)
        self.guard: tuple[str, ...] = (
            entry.guard or (environment.guard if environment is not None else None) or DEFAULT_GUARD,
        )
        """References of the policies that hold for all of its calls."""
        self.capture: Literal["full", "preview", "off"] = environment.capture if environment is not None else "full"
        application = plan.deployments.applications.get(entry.application) if entry.application is not None else None
        stated = application is not None and application.acknowledged_us is not None
        self.disclosed = stated and application is not None and application.tenant_id == entry.tenant_id
        """Its answers say that they are of generative AI: its application has acknowledged it."""
        self.acknowledged = self.disclosed or environment is None or environment.kind != "prod"
        self.within: dict[str, Grant] = {}
        """Deployment -> the same key in it (see `releasing.within`)."""
        self.lines = Lines(
            [
                *lines_of(entry.budgets, entry.rate_limits),
                *plan.lines("team", entry.team_id),
                *plan.lines("application", entry.application),
                *plan.lines("environment", entry.environment_id),
                *plan.lines("tenant", entry.tenant_id),
            ]
        )
        self._networks = tuple(ipaddress.ip_network(address, strict=False) for address in entry.addresses)
        self._resolved: dict[tuple[str, Operation], Lineup] = {}
        self._tagged: dict[tuple[Lineup, frozenset[str]], Lineup] = {}
        self._over: dict[tuple[str, Operation, str], Lineup | None] = {}

    def check(self, peer: str, now_us: int) -> None:
        """Unauthenticated when the key is past its time, Forbidden when it may not be used for calls or from there."""
        entry = self.entry
        if entry.not_after_us is not None and now_us >= entry.not_after_us:
            raise Unauthenticated(
                f"The API key {entry.key_name!r} expired at {to_iso(entry.not_after_us)}.",
                remedy="Have a new one made.",
                code="expired_api_key",
            )
        if "calls" not in entry.scopes:
            raise Forbidden(
                f"The API key {entry.key_name!r} is not for model calls.",
                remedy="Use a key with the scope `calls`.",
                code="key_scope",
            )
        if not self.acknowledged:
            raise self._unacknowledged()
        if self._networks and not self._from(peer):
            raise Forbidden(
                f"The API key {entry.key_name!r} may not be used from {peer or 'an unknown address'}.",
                remedy="Call from an address on the key's list, or have it extended.",
                code="address_not_allowed",
            )

    def _unacknowledged(self) -> Forbidden:
        entry = self.entry
        if entry.application is None:
            what = f"The API key {entry.key_name!r} of the environment {entry.environment_id!r} is of no application"
            first = f"genaiops key update {entry.key_name} --app NAME, then "
        else:
            what = f"The application {entry.application!r} of the API key {entry.key_name!r}"
            first = ""
        name = entry.application or "NAME"
        return Forbidden(
            f"{what}{' that could have' if not entry.application else ' has not'} acknowledged that it uses generative "
            "AI.",
            remedy=f'Have a person do it: {first}genaiops app acknowledge {name} --statement "..."',
            code="not_acknowledged",
        )

    def _from(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return any(address.version == network.version and address in network for network in self._networks)

    # -- names

    def resolve(self, name: str, operation: Operation) -> Lineup:
        """The line-up for a name: a route of that name, else the targets whose model it is."""
        found = self._resolved.get((name, operation))
        if found is None:
            found = self._resolve(name, operation)
            self._resolved[name, operation] = found
        return found

    def over_budget(self, name: str, operation: Operation, because: str) -> Lineup | None:
        """Who of what this key can reach serves a name when a budget refuses its line-up; None: nobody."""
        if (name, operation, because) not in self._over:
            if len(self._over) >= _TAGGED:
                self._over.clear()
            named = self.plan.names.get(name)
            lineup = named.over_budget.get(operation) if named is not None else None
            try:
                within = self._within(named, lineup) if named is not None and lineup is not None else None
            except Forbidden:
                within = None
            self._over[name, operation, because] = within.explained(because) if within is not None else None
        return self._over[name, operation, because]

    def tagged(self, lineup: Lineup, tags: frozenset[str]) -> Lineup:
        """Only the targets with all of these tags."""
        found = self._tagged.get((lineup, tags))
        if found is None:
            found = with_tags(lineup, self.entry, tags)
            if len(self._tagged) >= _TAGGED:
                self._tagged.clear()
            self._tagged[lineup, tags] = found
        return found

    def _resolve(self, name: str, operation: Operation) -> Lineup:
        named = self.plan.names.get(name)
        if named is None:
            raise self._unknown(name)
        if not self._is_open(named):
            raise self._elsewhere(name)
        if not self.may_name(named):
            raise Forbidden(
                f"The API key {self.entry.key_name!r} may not call {name!r}.",
                remedy=self._suggest(name),
                code="model_not_allowed",
                param="model",
            )
        lineup = named.lineups.get(operation)
        if lineup is None:
            if not named.lineups:
                if named.regions:
                    raise no_region(name, named.regions)
                raise Unavailable(f"No target of {name!r} is enabled.", remedy="Enable one.", code="no_target")
            able = ", ".join(_WORDS[one] for one in named.lineups)
            raise UsageError(
                f"{name!r} does not serve {_WORDS[operation]}.",
                remedy=f"It serves {able}.",
                code="operation_not_supported",
                param="model",
            )
        return self._within(named, lineup)

    def may_name(self, named: Named) -> bool:
        """Whether this key may call that name at all."""
        if not self._is_open(named):
            return False
        entry = self.entry
        if named.route and named.name in entry.models:
            return True
        allowed = entry.routes if named.route else entry.models
        if allowed:
            return any(matches(pattern, named.name) for pattern in allowed)
        everybody = (one for lineup in named.lineups.values() for one in lineup.all)
        return not named.route or not entry.models or bool(self._reachable(everybody))

    def _admits(self, environments: tuple[str, ...]) -> bool:
        return not environments or self.entry.environment_id in environments

    def _is_open(self, named: Named) -> bool:
        """Whether the name, and some target behind it, is open to keys of this key's environment."""
        return self._admits(named.environments) and (
            not named.lineups
            or any(self._admits(one.target.environments) for lineup in named.lineups.values() for one in lineup.all)
        )

    def _elsewhere(self, name: str) -> Forbidden:
        return Forbidden(
            f"{name!r} is not open to the environment {self.entry.environment_id!r} of this key.",
            remedy="Use a key of an environment that it is open to.",
            code="environment_not_allowed",
            param="model",
        )

    def _within(self, named: Named, lineup: Lineup) -> Lineup:
        """A target of other environments or outside of the key's regions is not reached, and a key that lists models
        but no routes reaches no other model by way of a route (unless the route's name is among them)."""
        open_to = frozenset(one.target.id for one in lineup.all if self._admits(one.target.environments))
        if len(open_to) < len(lineup.all):
            lineup = lineup.only(open_to)
            if not lineup.all:
                raise self._elsewhere(named.name)
        entry = self.entry
        if entry.regions:
            lineup = in_regions(lineup, entry)
        if not named.route or entry.routes or not entry.models or named.name in entry.models:
            return lineup
        lineup = lineup.only(self._reachable(lineup.all))
        if lineup.all:
            return lineup
        raise Forbidden(
            f"The API key {self.entry.key_name!r} may not call any model behind {named.name!r}.",
            remedy=self._suggest(named.name),
            code="model_not_allowed",
            param="model",
        )

    def _reachable(self, candidates: Iterable[Candidate]) -> frozenset[str]:
        patterns = self.entry.models
        return frozenset(
            candidate.target.id
            for candidate in candidates
            if any(matches(pattern, candidate.target.model) for pattern in patterns)
        )

    def names(self) -> list[Named]:
        """All names that this key may call, in order."""
        names = [named for _, named in sorted(self.plan.names.items()) if named.lineups and self.may_name(named)]
        regions = self.entry.regions
        return [named for named in names if near(named, regions)] if regions else names

    def _unknown(self, name: str) -> NotFound:
        return NotFound(
            f"There is no model or route {name!r}.", remedy=self._suggest(name), code="model_not_found", param="model"
        )

    def _suggest(self, name: str) -> str:
        names = [named.name for named in self.names()[:1000]]
        near = difflib.get_close_matches(name[:128], names, n=3, cutoff=0.5) or names[:3]
        return f"This key may call {', '.join(map(repr, near))}." if near else "This key may call nothing."
