"""Groups of an identity provider: what their members are here, and the people who came from there.

Roles and team of a person with an identity are what the mappings of their groups give: worked out at each sign-in, and
again in the same unit when a mapping changes.
"""

from collections.abc import Collection, Sequence

import msgspec

from genaiops.core.errors import Conflict, Forbidden, UsageError
from genaiops.core.ids import is_name, new_id
from genaiops.domain import Actor, GroupMapping, Identity, Role, Tenant
from genaiops.hub._access import ORGANISATION_TENANT
from genaiops.hub._actors import check_team, checked_roles, keep_an_administrator, known
from genaiops.hub._service import Clock, Service
from genaiops.hub._teams import keys_in
from genaiops.hub._validation import every, existing
from genaiops.ports.records import Records, Unit, View
from genaiops.ports.sign_in import Came

SIGN_IN = "sign-in"
"""Who changes are by that follow from somebody's groups."""

_MOST_GROUPS = 1000
_LONGEST_GROUP = 256


class _Given(msgspec.Struct, frozen=True):
    tenant_id: str
    team_id: str | None
    roles: tuple[Role, ...]


class Groups(Service[GroupMapping]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, GroupMapping, "group")

    def put(self, mapping: GroupMapping, *, by: str) -> GroupMapping:
        """Make it, or put it in the place of the one of that group. `created_us` is set here. People who are in the
        group have what it gives from now on."""
        mapping = self._checked(mapping)
        with self._records.write(by) as unit:
            existing(unit, Tenant, mapping.tenant_id, word="tenant", param="tenant_id")
            check_team(unit, mapping.team_id, mapping.tenant_id)
            former = unit.get(GroupMapping, mapping.id)
            if former is None:
                unit.add(mapping)
            else:
                mapping = msgspec.structs.replace(mapping, created_us=former.created_us)
                unit.replace(mapping)
            self._follow(unit, mapping.id)
        return mapping

    def remove(self, group: str, *, by: str) -> None:
        """Conflict when that would leave no administrator."""
        with self._records.write(by) as unit:
            self._existing(unit, group)
            unit.remove(GroupMapping, group)
            self._follow(unit, group)

    def admit(self, came: Came) -> Actor:
        """The person who came from the provider, with the roles that their groups give: made at the first time.
        Forbidden when no group gives anything (who had something loses it), Conflict when the name is somebody's."""
        groups = tuple(sorted(set(came.groups or ())))[:_MOST_GROUPS]
        identity = Identity(issuer=came.issuer, subject=came.subject, groups=groups)
        with self._records.write(SIGN_IN) as unit:
            person = known(unit, identity)
            if person is not None and person.disabled_us is not None:
                raise Forbidden(
                    f"{person.name!r} is disabled.", remedy="Ask an administrator to enable it.", code="actor_disabled"
                )
            given = _given(unit, groups, None if person is None else person.tenant_id)
            if person is not None:
                person = _following(unit, msgspec.structs.replace(person, identity=identity), given)
            elif given is not None:
                person = self._made(unit, came, identity, given)
        if person is None or given is None:
            raise _outside(came, groups)
        return person

    def person(self, came: Came) -> Actor | None:
        """Who that is here."""
        with self._records.read() as view:
            return known(view, Identity(issuer=came.issuer, subject=came.subject))

    def _made(self, unit: Unit, came: Came, identity: Identity, given: _Given) -> Actor:
        person = Actor(
            id=new_id("act"),
            name=_free_name(unit, came),
            kind="person",
            roles=given.roles,
            tenant_id=given.tenant_id,
            team_id=given.team_id,
            created_us=self._clock(),
            identity=identity,
        )
        unit.add(person)
        return person

    def _follow(self, unit: Unit, group: str) -> None:
        """Nobody moves to another business unit by this: that happens at their next sign-in."""
        for person in list(every(unit, Actor)):
            if person.identity is not None and group in person.identity.groups:
                given = _given(unit, person.identity.groups, person.tenant_id)
                fits = given is not None and given.tenant_id == person.tenant_id
                _following(unit, person, given if fits else None)

    def _checked(self, mapping: GroupMapping) -> GroupMapping:
        if not mapping.id or len(mapping.id) > _LONGEST_GROUP or not mapping.id.isprintable():
            raise UsageError(
                f"{mapping.id[:40]!r} cannot be the name of a group.",
                remedy=f"Write it as the provider sends it, in 1 to {_LONGEST_GROUP} characters.",
                param="id",
            )
        if not mapping.roles:
            raise UsageError("The group gives no role.", remedy="Give at least one.", param="roles")
        return msgspec.structs.replace(mapping, roles=checked_roles(mapping.roles), created_us=self._clock())


def _given(view: View, groups: Collection[str], tenant_id: str | None) -> _Given | None:
    """What the mappings of one business unit give together: of `tenant_id` while any is of it (nobody is drawn out of
    their unit by a mapping of another one), else of the organisation's own, else of the first by name."""
    found = [each for each in (view.get(GroupMapping, group) for group in groups) if each is not None]
    if not found:
        return None
    units = sorted(
        {each.tenant_id for each in found}, key=lambda unit: (unit != tenant_id, unit != ORGANISATION_TENANT, unit)
    )
    own = sorted((each for each in found if each.tenant_id == units[0]), key=lambda each: each.id)
    roles: dict[Role, None] = {role: None for each in own for role in each.roles}
    team = next((each.team_id for each in own if each.team_id is not None), None)
    return _Given(units[0], team, tuple(roles))


def _following(unit: Unit, person: Actor, given: _Given | None) -> Actor:
    """The person with that, written when it is another than before."""
    before = existing(unit, Actor, person.id, word="actor")
    if given is None:
        after = msgspec.structs.replace(person, roles=(), team_id=None)
    else:
        if given.tenant_id != person.tenant_id and (held := keys_in(unit, {"actor_id": person.id})):
            raise Conflict(
                f"{person.name!r} is now of the business unit {given.tenant_id!r}, and has {held} keys of "
                f"{person.tenant_id!r}.",
                remedy="Ask an administrator to revoke those keys first.",
                code="keys_elsewhere",
            )
        after = msgspec.structs.replace(person, roles=given.roles, team_id=given.team_id, tenant_id=given.tenant_id)
    if after != before:
        unit.replace(after)
        keep_an_administrator(unit, before)
    return after


def _free_name(view: View, came: Came) -> str:
    """What they are called there, as a name of ours; with its domain when the short one is another's from there.

    Conflict when somebody who signs in by key only has the name: perhaps the same person, who must not get a second
    voice in approvals."""
    short, _, domain = came.login.partition("@")
    names = [_as_name(short), _as_name(f"{domain}/{short}") if domain else "", _as_name(f"person/{came.subject}")]
    for name in names:
        if not is_name(name):
            continue
        holder = next(iter(view.find(Actor, {"name": name}, limit=1)), None)
        if holder is None:
            return name
        if holder.identity is None:
            raise Conflict(
                f"There is already somebody named {name!r} here, who signs in with a key.",
                remedy=f"If that is you, ask an administrator: genaiops actor set {name} --identity '{came.subject}'.",
                code="name_taken",
            )
    raise Conflict(f"The name {came.login!r} is taken.", remedy="Ask an administrator to free it.", code="name_taken")


def _as_name(text: str) -> str:
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._/-") else "-" for letter in text.lower()
    )
    return kept.strip("._/-")[:128]


def _outside(came: Came, groups: Sequence[str]) -> Forbidden:
    shown = ", ".join(groups[:20]) + (f" and {len(groups) - 20} more" if len(groups) > 20 else "")
    what = f"Your groups are: {shown}." if groups else "The provider named no group of yours."
    return Forbidden(
        f"You are signed in as {came.login!r}, and nothing here is open to you. {what}",
        remedy="Ask an administrator to map one of your groups to a role.",
        code="no_group_mapped",
    )
