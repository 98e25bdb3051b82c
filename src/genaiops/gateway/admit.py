"""Who may call: the key's secret, its scopes, its time and place, and what it may name."""

import difflib
import ipaddress
from typing import Literal

from genaiops.core.clock import to_iso
from genaiops.core.errors import Forbidden, NotBuilt, NotFound, Unauthenticated, Unavailable, UsageError
from genaiops.domain import KeyEntry, Operation, matches
from genaiops.gateway.conditions import in_regions, near, no_region, with_tags
from genaiops.gateway.limits import Lines, lines_of
from genaiops.gateway.plan import Lineup, Named, Plan

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
}


def bearer(headers: dict[bytes, bytes]) -> bytes:
    """The text of the key: `Authorization: Bearer` or `x-api-key`. Unauthenticated when there is none."""
    value = headers.get(b"authorization")
    if value is not None:
        if value[:7].lower() == b"bearer ":
            return value[7:].strip()
        raise Unauthenticated(
            "The authorization header is not of the form `Bearer KEY`.", remedy="Send `Authorization: Bearer KEY`."
        )
    value = headers.get(b"x-api-key")
    if value is not None:
        return value.strip()
    raise Unauthenticated(
        "The request has no API key.",
        remedy="Send `Authorization: Bearer KEY` or `x-api-key: KEY`.",
        code="missing_api_key",
    )


def unknown_key() -> Unauthenticated:
    return Unauthenticated("The API key is not known here.", remedy="Check the key, or have one made.")


class Grant:
    """What one key may do under one Snapshot, worked out once."""

    __slots__ = ("_networks", "_resolved", "_tagged", "capture", "entry", "lines", "plan")

    def __init__(self, entry: KeyEntry, plan: Plan) -> None:
        self.entry = entry
        self.plan = plan
        environment = plan.environments.get(entry.environment_id)
        self.capture: Literal["full", "preview", "off"] = environment.capture if environment is not None else "full"
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
        self._tagged: dict[tuple[str, Operation, frozenset[str]], Lineup] = {}

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
        if self._networks and not self._from(peer):
            raise Forbidden(
                f"The API key {entry.key_name!r} may not be used from {peer or 'an unknown address'}.",
                remedy="Call from an address on the key's list, or have it extended.",
                code="address_not_allowed",
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

    def tagged(self, lineup: Lineup, operation: Operation, tags: frozenset[str]) -> Lineup:
        """Only the targets with all of these tags."""
        found = self._tagged.get((lineup.name, operation, tags))
        if found is None:
            found = with_tags(lineup, self.entry, tags)
            if len(self._tagged) >= _TAGGED:
                self._tagged.clear()
            self._tagged[lineup.name, operation, tags] = found
        return found

    def _resolve(self, name: str, operation: Operation) -> Lineup:
        named = self.plan.names.get(name)
        if named is None:
            if name.startswith("app/"):
                raise NotBuilt(
                    f"{name!r} names an application, and calling applications by name is not built yet.",
                    remedy="Call a model or a route.",
                    code="applications_not_built",
                    param="model",
                )
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
        return not named.route or not entry.models or bool(self._reachable(named))

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
        lineup = lineup.only(self._reachable(named))
        if lineup.all:
            return lineup
        raise Forbidden(
            f"The API key {self.entry.key_name!r} may not call any model behind {named.name!r}.",
            remedy=self._suggest(named.name),
            code="model_not_allowed",
            param="model",
        )

    def _reachable(self, named: Named) -> frozenset[str]:
        patterns = self.entry.models
        return frozenset(
            candidate.target.id
            for lineup in named.lineups.values()
            for candidate in lineup.all
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
