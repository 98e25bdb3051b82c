"""API keys: made once, shown once, kept as a digest."""

import hmac
import ipaddress
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, NotFound, Unauthenticated
from genaiops.core.ids import new_id
from genaiops.domain import Actor, ApiKey, Environment, KeyScope
from genaiops.hub import _key_text
from genaiops.hub._actors import administers
from genaiops.hub._key_checks import KeyChecks, NewKey
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import changed, checked_number, every
from genaiops.ports.records import Records, Unit, View

_SECOND_US = 1_000_000
_LONGEST_OVERLAP = 30 * 86_400
_NO_DIGEST = "0" * 64
INVALID_REMEDY = (
    "Check it, or ask for a new one. When no administrator has a key that works: genaiops key recover, where it runs."
)


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes; what is not given stays."""

    name: str | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    application: str | UnsetType | None = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    routes: tuple[str, ...] | UnsetType = UNSET
    addresses: tuple[str, ...] | UnsetType = UNSET
    scopes: tuple[KeyScope, ...] | UnsetType = UNSET
    expires_us: int | UnsetType | None = UNSET
    regions: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    guard: str | UnsetType | None = UNSET


class Keys(Service[ApiKey]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, ApiKey, "key")

    def create(self, new: NewKey, *, by: str) -> tuple[ApiKey, str]:
        """(key, secret text). The text cannot be read again."""
        return self.create_many((new,), by=by)[0]

    def create_many(self, new: Sequence[NewKey], *, by: str) -> Sequence[tuple[ApiKey, str]]:
        """All or none, in the order given; for imports of up to some hundred thousand."""
        now = self._clock()
        with self._records.write(by) as unit:
            checks = KeyChecks(unit, now)
            made = [made_key(checks.checked(each), now) for each in new]
            unit.add_all([key for key, _ in made])
        return made

    def page(
        self,
        *,
        actor_id: str | None = None,
        team_id: str | None = None,
        environment_id: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[ApiKey]:
        """Keys in order of id (oldest first), those with id > `after`; None: any actor, team, environment."""
        given = {"actor_id": actor_id, "team_id": team_id, "environment_id": environment_id}
        where = {field: value for field, value in given.items() if value is not None}
        with self._records.read() as view:
            return view.find(ApiKey, where, after=after, limit=limit)

    def names(self, key_ids: Iterable[str]) -> dict[str, str]:
        """Id -> name of those that there are, revoked ones too."""
        with self._records.read() as view:
            found = [view.get(ApiKey, key_id) for key_id in dict.fromkeys(key_ids) if key_id]
        return {key.id: key.name for key in found if key is not None}

    def change(self, key_id: str, change: KeyChange, *, by: str) -> ApiKey:
        """The new key with that change. Conflict when it is revoked, or when nobody could administer afterwards."""
        with self._records.write(by) as unit:
            former = self._unrevoked(unit, key_id)
            key = changed(former, msgspec.structs.asdict(change))
            key = KeyChecks(unit, self._clock()).checked_key(key, former)
            unit.replace(key)
            self._keep_an_administrators_key(unit, former)
        return key

    def rotate(self, key_id: str, *, overlap_seconds: float = 0, by: str) -> tuple[ApiKey, str]:
        """(key, new secret text). The former secret works for `overlap_seconds` more."""
        checked_number(overlap_seconds, param="overlap_seconds", least=0, most=_LONGEST_OVERLAP)
        now = self._clock()
        with self._records.write(by) as unit:
            key = self._unrevoked(unit, key_id)
            if _is_over(key, now):
                raise Conflict(
                    f"The key {key.name!r} has expired.", remedy="Give it a later end first, or make another."
                )
            if key.retiring_until_us is not None and key.retiring_until_us > now:
                # A change of its own: `changed_key_entries` learns from it which secret ends.
                unit.replace(msgspec.structs.replace(key, retiring_until_us=now))
            text = _key_text.make(key_id)
            key = msgspec.structs.replace(
                key,
                digest=_key_text.digest_of(text),
                hint=_key_text.hint_of(text),
                retiring_digest=key.digest,
                retiring_until_us=now + int(overlap_seconds * _SECOND_US),
            )
            unit.replace(key)
        return key, text

    def revoke(self, key_id: str, *, by: str) -> ApiKey:
        """All its secrets stop working; it stays in the records. Revoking again changes nothing.

        Conflict for the last key that an administrator can call the management API with.
        """
        with self._records.write(by) as unit:
            former = key = self._existing(unit, key_id)
            if key.revoked_us is None:
                key = msgspec.structs.replace(key, revoked_us=self._clock())
                unit.replace(key)
                self._keep_an_administrators_key(unit, former)
        return key

    def find(self, digest: str) -> ApiKey | None:
        """The key with this current digest (SHA-256, hexadecimal), whether it may be used or not."""
        with self._records.read() as view:
            return next(iter(view.find(ApiKey, {"digest": digest}, limit=1)), None)

    def authenticate(self, text: str, *, address: str | None = None) -> tuple[ApiKey, Actor]:
        """The key that this text is a secret of, and its actor. Unauthenticated says nothing about what was wrong,
        but to who holds the secret of an expired key: when it expired."""
        with self._records.read() as view:
            key = view.get(ApiKey, _key_text.key_id_of(text) or "")
            actor = None if key is None else view.get(Actor, key.actor_id)
            environment = None if key is None else view.get(Environment, key.environment_id)
        # Every text is hashed and compared, so that the time taken tells nothing about which keys there are.
        now = self._clock()
        matches = _matches(key, _key_text.digest_of(text), now)
        if key is None or actor is None or not matches or not _usable(key, actor, address):
            raise Unauthenticated("The key is not valid.", remedy=INVALID_REMEDY)
        if _is_over(key, now):
            raise Unauthenticated(
                f"The key {key.name!r} expired at {to_iso(key.expires_us or 0)}.",
                remedy=INVALID_REMEDY,
                code="expired_api_key",
            )
        if environment is not None and environment.expires_us is not None and environment.expires_us <= now:
            raise Unauthenticated(
                f"The environment {environment.id!r} ended at {to_iso(environment.expires_us)}, and its keys with it.",
                remedy="Ask an administrator to give it a later end: genaiops env expire.",
                code="expired_environment",
            )
        return key, actor

    def can_administer(self) -> bool:
        """Whether any key that works opens the management API for an administrator."""
        with self._records.read() as view:
            return self._an_administrators_key(view)

    def _keep_an_administrators_key(self, unit: Unit, before: ApiKey) -> None:
        if not _opens_api(before, self._clock()) or self._an_administrators_key(unit):
            return
        actor = unit.get(Actor, before.actor_id)
        if actor is not None and administers(actor):
            raise Conflict(
                f"{before.name!r} is the last key with the scope api of an administrator.",
                remedy="Make another first: genaiops key create NAME --scope calls --scope api. Or rotate this one.",
                code="last_administrator_key",
            )

    def _an_administrators_key(self, view: View) -> bool:
        now = self._clock()
        return any(
            _opens_api(key, now)
            for actor in every(view, Actor)
            if administers(actor)
            for key in every(view, ApiKey, {"actor_id": actor.id})
        )

    def _unrevoked(self, view: View, key_id: str) -> ApiKey:
        key = self._existing(view, key_id)
        if key.revoked_us is not None:
            raise Conflict(f"The key {key.name!r} is revoked.", remedy="Make another one.", code="revoked")
        return key

    def _existing(self, view: View, entity_id: str) -> ApiKey:
        key = view.get(ApiKey, entity_id)
        if key is None:
            # No suggestion: there may be a hundred thousand, and their ids do not resemble each other.
            raise NotFound(
                f"There is no key {entity_id!r}.", remedy="List the keys to see which there are.", param="id"
            )
        return key


def made_key(new: NewKey, now_us: int) -> tuple[ApiKey, str]:
    """A key from what was checked before, and its secret."""
    key_id = new_id("key")
    text = _key_text.make(key_id)
    key = ApiKey(
        id=key_id,
        hint=_key_text.hint_of(text),
        digest=_key_text.digest_of(text),
        created_us=now_us,
        **msgspec.structs.asdict(new),
    )
    return key, text


def _matches(key: ApiKey | None, digest: str, now_us: int) -> bool:
    current = key.digest if key is not None else _NO_DIGEST
    retiring = (key.retiring_digest if key is not None else None) or _NO_DIGEST
    until = key.retiring_until_us if key is not None else None
    is_current = hmac.compare_digest(current, digest)
    is_retiring = hmac.compare_digest(retiring, digest) and until is not None and now_us < until
    return is_current or is_retiring


def _is_over(key: ApiKey, now_us: int) -> bool:
    return key.expires_us is not None and key.expires_us <= now_us


def _opens_api(key: ApiKey, now_us: int) -> bool:
    return "api" in key.scopes and key.revoked_us is None and not _is_over(key, now_us)


def _usable(key: ApiKey, actor: Actor, address: str | None) -> bool:
    if key.revoked_us is not None or actor.disabled_us is not None:
        return False
    return not key.addresses or (address is not None and _within(address, key.addresses))


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)
