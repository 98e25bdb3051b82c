"""Artifacts: named things, their immutable versions, and names that move."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from genaiops.checks.weights import dangerous_name
from genaiops.core.counting import counted
from genaiops.core.digest import digest_value
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Actor, Alias, Approval, Artifact, ArtifactKind, Team, Version, Visibility
from genaiops.hub._access import allows, sees_all
from genaiops.hub._confined import unconfined
from genaiops.hub._consent import Consents, Proposal
from genaiops.hub._diff import Difference, compare
from genaiops.hub._kinds import NO_KINDS, PLAIN, Kind, Kinds
from genaiops.hub._lineage import edge, link
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import (
    as_stored,
    check_labels,
    checked_choice,
    checked_name,
    checked_text,
    every,
    existing,
)
from genaiops.ports.records import Change, Records, Unit, View

_LONGEST_DESCRIPTION = 2_000
_SHOWN_DIGITS = 12
_BEGUN = re.compile(r"@sha256:[0-9a-f]{6,}\Z")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What people say of an artifact; None: as it is. `owner` is an actor's id."""

    title: str | None = None
    description: str | None = None
    owner: str | None = None
    team_id: str | None = None
    visibility: Visibility | None = None
    tags: tuple[str, ...] | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which artifacts: all that is set must hold. `query`: words, each in the name, title, description, owner or a
    tag."""

    query: str = ""
    kind: ArtifactKind | None = None
    owner: str | None = None
    team_id: str | None = None
    tag: str | None = None


class AliasMove(msgspec.Struct, frozen=True):
    """A change of an alias, as the log of changes has it. `version_id` None: it was removed."""

    seq: int
    at_us: int
    by: str
    version_id: str | None


NOTHING_SAID = About()


def may_see(actor: Actor, artifact: Artifact) -> bool:
    """A team's own is for its people, and for whoever administers people of its business unit."""
    return (
        artifact.visibility == "organisation"
        or (actor.team_id is not None and actor.team_id == artifact.team_id)
        or (allows(actor, "people") and (sees_all(actor) or actor.tenant_id == artifact.tenant_id))
    )


class Artifacts(Service[Artifact]):
    def __init__(self, records: Records, clock: Clock, consents: Consents, kinds: Kinds = NO_KINDS) -> None:
        super().__init__(records, clock, Artifact, "artifact")
        self._consents = consents
        self._kinds = kinds

    def of_kind(self, kind: ArtifactKind) -> Sequence[Artifact]:
        return self._all({"kind": kind})

    def find(self, wanted: Wanted, actor: Actor | None = None) -> Sequence[Artifact]:
        """Those that fit and that the actor may see, across all teams."""
        found = self._all({"kind": wanted.kind} if wanted.kind is not None else None)
        return [one for one in found if _fits(one, wanted) and (actor is None or may_see(actor, one))]

    def visible(self, artifact_id: str, actor: Actor) -> Artifact:
        """NotFound also for what the actor may not see: its name is nobody else's business."""
        with self._records.read() as view:
            found = view.get(Artifact, artifact_id)
            if found is not None and may_see(actor, found):
                return found
            names = (one.id for one in every(view, Artifact) if may_see(actor, one))
            raise NotFound(f"There is no artifact {artifact_id!r}.", remedy=suggestion(artifact_id, names), param="id")

    def register(
        self,
        kind: ArtifactKind,
        name: str,
        manifest: Mapping[str, Any],
        *,
        title: str = "",
        about: About = NOTHING_SAID,
        by: str,
    ) -> Version:
        """The version with this manifest, named by the manifest's digest; the artifact is made with its first version.

        Registering the same manifest again changes nothing and gives the version that is there.
        """
        _check_kind(kind)
        with self._records.write(by) as unit:
            made = Artifact(id=f"{kind}/{name}", kind=kind, name=name, title=title, created_us=self._clock())
            if unit.get(Artifact, made.id) is None:
                made = _said(unit, msgspec.structs.replace(made, owner=by if about.owner is None else ""), about)
            elif about != NOTHING_SAID:
                unit.replace(_said(unit, self._existing(unit, made.id), about))
            return register(unit, made, manifest, by=by, kind=self._kinds.get(kind, PLAIN))

    def write_down(self, version_id: str, text: str, *, by: str) -> Version:
        """Keep the text that a version was written as."""
        with self._records.write(by) as unit:
            version = existing(unit, Version, version_id, word="version", param="version")
            if version.text != text:
                version = msgspec.structs.replace(version, text=text)
                unit.replace(version)
        return version

    def describe(self, artifact_id: str, about: About, *, by: str) -> Artifact:
        """Change what people say of it."""
        with self._records.write(by) as unit:
            changed = _said(unit, self._existing(unit, artifact_id), about)
            unit.replace(changed)
        return changed

    def compare(self, before: str, after: str) -> Sequence[Difference]:
        """What differs between two versions of one kind."""
        old, new = self.resolve(before), self.resolve(after)
        kinds = [one.artifact_id.partition("/")[0] for one in (old, new)]
        if kinds[0] != kinds[1]:
            raise UsageError(
                f"{before!r} is a {kinds[0]} and {after!r} a {kinds[1]}.", remedy="Compare two of one kind.", param="to"
            )
        kind = next((self._kinds[one] for one in self._kinds if one == kinds[0]), PLAIN)
        return compare(kind.compared(old.manifest), kind.compared(new.manifest))

    def versions(self, artifact_id: str) -> Sequence[Version]:
        """Oldest first."""
        with self._records.read() as view:
            self._existing(view, artifact_id)
            found = list(every(view, Version, {"artifact_id": artifact_id}))
        return sorted(found, key=lambda version: (version.created_us, version.id))

    def move(
        self, artifact_id: str, alias: str, version_id: str, *, reason: str = "", emergency: str | None = None, by: str
    ) -> Alias:
        """Let `kind/name@alias` name that version from now on. ConsentNeeded when the alias is protected: then it moves
        when another person approves. `emergency`: why an administrator cannot wait for that."""
        checked_name(alias, word="alias", param="alias")
        with self._records.write(by) as unit:
            artifact = self._existing(unit, artifact_id)
            _check_own(unit, artifact_id, version_id)
            former = unit.get(Alias, f"{artifact_id}@{alias}")
            proposal = Proposal(
                subject=f"alias:{artifact_id}@{alias}",
                change={"from": former and former.version_id, "to": version_id},
                tenant_id=artifact.tenant_id,
                reason=reason,
                emergency=emergency,
            )
            if former is not None and former.version_id == version_id:
                return former
            consent = self._consents.ask(unit, proposal, by=by)
            moved = _alias(artifact_id, alias, version_id, self._clock(), by)
            if consent.given:
                _put(unit, moved)
        consent.check()
        return moved

    def apply_move(self, unit: Unit, approval: Approval) -> None:
        """The move or removal that an approval asks for. Conflict when the alias has moved since."""
        name = approval.subject.removeprefix("alias:")
        artifact_id, _, alias = name.rpartition("@")
        there, version_id = unit.get(Alias, name), approval.change["to"]
        if (there and there.version_id) != approval.change["from"]:
            raise Conflict(
                f"{name} has moved since {approval.id} was asked for.",
                remedy="Withdraw it, and ask for the change anew.",
                code="moved_meanwhile",
            )
        if version_id is None:
            self._check_removal(unit, name)
            unit.remove(Alias, name)
            return
        _check_own(unit, artifact_id, version_id)
        _put(unit, _alias(artifact_id, alias, version_id, self._clock(), approval.requested_by))

    def history(self, alias_id: str) -> Sequence[AliasMove]:
        """Where `kind/name@alias` pointed, newest first. NotFound when there never was one."""
        with self._records.read() as view:
            changes = view.history(Alias, alias_id)
            if not changes:
                existing(view, Alias, alias_id, word="alias", param="alias")
        return [_moved(change) for change in changes]

    def undo(self, alias_id: str, *, reason: str = "", emergency: str | None = None, by: str) -> Alias:
        """Let an alias name what it named before its last move; once more brings that move back. A move like others:
        of a protected alias it waits for consent."""
        with self._records.read() as view:
            alias = existing(view, Alias, alias_id, word="alias", param="alias")
            former = [_moved(change) for change in view.history(Alias, alias_id, limit=2)]
        if len(former) < 2 or former[1].version_id is None:
            raise Conflict(f"{alias_id!r} never named another version.", remedy="Move it to one.", code="no_former")
        back = former[1].version_id
        return self.move(alias.artifact_id, alias.name, back, reason=reason, emergency=emergency, by=by)

    def remove_alias(self, alias_id: str, *, reason: str = "", emergency: str | None = None, by: str) -> None:
        """The version that it names stays. ConsentNeeded when the alias is protected, Conflict while something needs
        it."""
        with self._records.write(by) as unit:
            alias = existing(unit, Alias, alias_id, word="alias", param="alias")
            self._check_removal(unit, alias_id)
            proposal = Proposal(
                subject=f"alias:{alias_id}",
                change={"from": alias.version_id, "to": None},
                tenant_id=self._existing(unit, alias.artifact_id).tenant_id,
                reason=reason,
                emergency=emergency,
            )
            consent = self._consents.ask(unit, proposal, by=by)
            if consent.given:
                unit.remove(Alias, alias_id)
        consent.check()

    def _check_removal(self, unit: Unit, alias_id: str) -> None:
        kind = alias_id.partition("/")[0]
        found = next((self._kinds[one] for one in self._kinds if one == kind), PLAIN)
        found.check_alias_removal(unconfined(unit), alias_id)  # also what other business units refer to

    def aliases(self, artifact_id: str) -> Sequence[Alias]:
        with self._records.read() as view:
            self._existing(view, artifact_id)
            return list(every(view, Alias, {"artifact_id": artifact_id}))

    def resolve(self, reference: str) -> Version:
        """The version that `kind/name@alias` or `kind/name@sha256:...` names now; at least 6 hexadecimal digits that
        begin only one are enough."""
        with self._records.read() as view:
            return resolved_version(view, reference)


def resolved_version(view: View, reference: str) -> Version:
    """See `Artifacts.resolve`."""
    alias = view.get(Alias, reference)
    version = view.get(Version, reference if alias is None else alias.version_id)
    if version is not None:
        return version
    # Only names of the same artifact: others may be a team's own.
    artifact_id = reference.partition("@")[0]
    names = [one.id for one in every(view, Alias, {"artifact_id": artifact_id})]
    there = list(every(view, Version, {"artifact_id": artifact_id}))
    begun = [one for one in there if one.id.startswith(reference)]
    if _BEGUN.search(reference) is not None and begun:
        if len(begun) == 1:
            return begun[0]
        raise UsageError(f"{len(begun)} versions begin with {reference!r}.", remedy="Give more digits.", param="id")
    if there and not names:
        newest = max(there, key=lambda version: (version.created_us, version.id)).id
        digits = newest[: newest.index("sha256:") + len("sha256:") + _SHOWN_DIGITS]
        remedy = f"{artifact_id} has {counted(len(there), 'version')} and no alias yet: name {digits}, or give it one."
    else:
        remedy = suggestion(reference, names)
    raise NotFound(f"There is no version {reference!r}.", remedy=remedy, param="id")


def _check_kind(kind: str) -> None:
    checked_choice(kind, get_args(ArtifactKind), word="kind of artifact", param="kind")


def _fits(artifact: Artifact, wanted: Wanted) -> bool:
    if wanted.owner is not None and artifact.owner != wanted.owner:
        return False
    if wanted.team_id is not None and artifact.team_id != wanted.team_id:
        return False
    if wanted.tag is not None and wanted.tag not in artifact.tags:
        return False
    text = "\n".join((artifact.id, artifact.title, artifact.description, artifact.owner, *artifact.tags)).casefold()
    return all(word in text for word in wanted.query.casefold().split())


def _said(view: View, artifact: Artifact, about: About) -> Artifact:
    given = {name: value for name, value in msgspec.structs.asdict(about).items() if value is not None}
    changed = as_stored(msgspec.structs.replace(artifact, **given))
    checked_text(changed.title, param="title")
    if len(changed.description) > _LONGEST_DESCRIPTION:
        raise UsageError(
            "The description is too long.",
            remedy=f"Use at most {_LONGEST_DESCRIPTION} characters.",
            param="description",
        )
    check_labels(changed.tags, param="tags")
    if about.owner:
        existing(view, Actor, about.owner, word="actor", param="owner")
    if about.team_id:
        existing(view, Team, about.team_id, word="team", param="team_id")
    if changed.visibility == "team" and not changed.team_id:
        raise UsageError(
            f"{changed.id!r} is to be seen by its team, and belongs to none.", remedy="Name one.", param="team_id"
        )
    return changed


def _moved(change: Change) -> AliasMove:
    alias = None if change.body is None else msgspec.json.decode(change.body, type=Alias)
    return AliasMove(change.seq, change.at_us, change.actor_id, None if alias is None else alias.version_id)


def _check_own(unit: Unit, artifact_id: str, version_id: str) -> None:
    version = existing(unit, Version, version_id, word="version", param="version_id")
    if version.artifact_id != artifact_id:
        raise UsageError(
            f"{version_id!r} is a version of {version.artifact_id!r}, not of {artifact_id!r}.",
            remedy="Name one of its own versions.",
            param="version_id",
        )


def _alias(artifact_id: str, alias: str, version_id: str, now_us: int, by: str) -> Alias:
    return Alias(
        id=f"{artifact_id}@{alias}",
        artifact_id=artifact_id,
        name=alias,
        version_id=version_id,
        moved_us=now_us,
        moved_by=by,
    )


def _put(unit: Unit, alias: Alias) -> None:
    (unit.add if unit.get(Alias, alias.id) is None else unit.replace)(alias)


def register(unit: Unit, artifact: Artifact, manifest: Mapping[str, Any], *, by: str, kind: Kind = PLAIN) -> Version:
    """As `Artifacts.register`, within a unit."""
    _check_kind(artifact.kind)
    checked_name(artifact.name, word="artifact")
    checked_text(artifact.title, param="title")
    try:
        plain: dict[str, Any] = msgspec.to_builtins(dict(manifest), str_keys=True)
        plain = kind.prepare(unit, artifact.name, plain) if plain else plain
        digest = digest_value(plain)
    except (TypeError, UnicodeEncodeError) as error:
        raise UsageError(f"The manifest is not JSON: {error}.", remedy="Mend that value.", param="manifest") from error
    if not plain:
        raise UsageError("The manifest is empty.", remedy="Say what the version is made of.", param="manifest")
    if artifact.kind in {"model", "embedding"}:
        _refuse_pickles(plain.get("files"))
    version = Version(
        id=f"{artifact.id}@{digest}",
        artifact_id=artifact.id,
        digest=digest,
        manifest=plain,
        created_us=artifact.created_us,
        created_by=by,
    )
    known = unit.get(Version, version.id)
    if known is not None:
        return known
    if unit.get(Artifact, artifact.id) is None:
        unit.add(artifact)
    unit.add(version)
    now = version.created_us
    link(unit, [edge(source, version.id, relation, by=by, now_us=now) for relation, source in kind.made_of(plain)])
    return version


def _refuse_pickles(files: Any) -> None:
    """Only names are known here; `genaiops model check` looks into files."""
    entries = cast("list[Any]", files) if isinstance(files, list) else []
    for entry in entries:
        name = cast("dict[str, Any]", entry).get("name") if isinstance(entry, dict) else entry
        if isinstance(name, str) and dangerous_name(name):
            raise UsageError(
                f"{name!r} is by its name a pickle, which can run code when it is loaded.",
                remedy="Register the weights as safetensors, GGUF or ONNX.",
                code="dangerous_weights",
                param="manifest",
            )
