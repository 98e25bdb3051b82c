"""Guard policies as people push them and look at them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import DEFAULT_GUARD, Actor, Alias, Artifact, GuardPolicy, GuardVersion, InForce, Span, Version
from genaiops.hub._artifacts import NOTHING_SAID, About, Artifacts, may_see
from genaiops.hub._guard_diff import GuardDifference, compare_guards
from genaiops.hub._guard_text import ReadGuard, WrittenForm, read_guard, read_guard_document
from genaiops.hub._guards import (
    CURRENT,
    PREFIX,
    GuardUse,
    default_digest,
    default_text,
    guard_artifacts,
    guard_manifest,
    guard_version,
    refuse_approvals,
    standing_guards,
    uses_of_guard,
)
from genaiops.hub._policy import ARTIFACT as APPROVALS
from genaiops.hub._registered import pinned_documents
from genaiops.hub._service import Clock
from genaiops.hub._validation import every
from genaiops.ports.guard import Judge
from genaiops.ports.records import Records, View


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """A guard policy with its versions, oldest first. `current`: what is in force by its name (None: nothing, only
    other aliases). `builtin`: that is the default as it came, because nobody pushed another."""

    name: str
    current: GuardVersion | None
    builtin: bool = False
    versions: Sequence[Version] = ()
    aliases: Mapping[str, str] = {}
    uses: Sequence[GuardUse] = ()


class Guards:
    def __init__(self, records: Records, clock: Clock, artifacts: Artifacts, judge: Judge | None = None) -> None:
        self._records = records
        self._clock = clock
        self._artifacts = artifacts
        self._judge = judge

    def list(self, actor: Actor | None = None) -> Sequence[GuardState]:
        """Those that the actor may see, by name; without who uses them."""
        with self._records.read() as view:
            names = {one.name for one in guard_artifacts(view) if actor is None or may_see(actor, one)}
            return [_state(view, name) for name in sorted({*names, DEFAULT_GUARD})]

    def get(self, name: str, actor: Actor | None = None) -> GuardState:
        """NotFound also for what the actor may not see."""
        with self._records.read() as view:
            self._check_visible(view, name, actor)
            return msgspec.structs.replace(_state(view, name), uses=tuple(uses_of_guard(view, name)))

    def version(self, reference: str, actor: Actor | None = None) -> GuardVersion:
        """By `name`, `name@alias` or `name@sha256:...`, which may be the beginning of a digest."""
        name, _, tail = reference.removeprefix(PREFIX).partition("@")
        with self._records.read() as view:
            self._check_visible(view, name, actor)
            found = guard_version(view, f"{name}@{tail or CURRENT}")
            if found is not None:
                return found
            digits = tail.removeprefix("sha256:")
            versions = list(every(view, Version, {"artifact_id": f"{PREFIX}{name}"}))
            named = [one for one in versions if len(digits) >= 6 and one.digest[7:].startswith(digits)]
            if len(named) == 1:
                exact = guard_version(view, named[0].id.removeprefix(PREFIX))
                if exact is not None:
                    return exact
            tails = [one.name for one in every(view, Alias, {"artifact_id": f"{PREFIX}{name}"})]
        raise NotFound(
            f"The guard policy {name!r} has no version {tail[:80]!r}.", remedy=suggestion(tail, tails), param="version"
        )

    def kept(self, name: str, digest: str) -> GuardVersion | None:
        """See ports.guard.Policies."""
        with self._records.read() as view:
            return guard_version(view, f"{name}@{digest}")

    def standing(self, call: Span, release: str | None) -> Sequence[InForce]:
        """See ports.guard.Policies."""
        with self._records.read() as view:
            return tuple(standing_guards(view, call, release))

    def named(self, reference: str, actor: Actor | None = None) -> str:
        """`name@alias` of a policy that a candidate may take the place of. UsageError for a version, which stays what
        it is."""
        name, _, tail = reference.removeprefix(PREFIX).partition("@")
        if tail.startswith("sha256:"):
            raise UsageError(
                f"{reference[:200]!r} is a version, and a version stays what it is.",
                remedy="Name a policy, or NAME@ALIAS.",
                param="instead_of",
            )
        with self._records.read() as view:
            self._check_visible(view, name, actor)
            if guard_version(view, f"{name}@{tail or CURRENT}") is None:
                known = [one.name for one in every(view, Alias, {"artifact_id": f"{PREFIX}{name}"})]
                raise NotFound(
                    f"The guard policy {name!r} has no alias {(tail or CURRENT)[:80]!r}.",
                    remedy=suggestion(tail or CURRENT, known),
                    param="instead_of",
                )
        return f"{name}@{tail or CURRENT}"

    def push(
        self,
        name: str,
        policy: GuardPolicy,
        *,
        alias: str | None = CURRENT,
        reason: str = "",
        emergency: str | None = None,
        about: About = NOTHING_SAID,
        text: str | None = None,
        by: str,
    ) -> Version:
        """Keep a version, with the `text` that it was written as, and let the alias name it (None: none does).
        ConsentNeeded: it is kept, and the alias names it when another person approves."""
        artifact_id = f"{PREFIX}{name}"
        refuse_approvals(name)
        version = self._artifacts.register("policy", name, guard_manifest(policy), about=about, by=by)
        if text is not None:
            self._artifacts.write_down(version.id, text, by=by)
        if alias is not None:
            self._artifacts.move(artifact_id, alias, version.id, reason=reason, emergency=emergency, by=by)
        return version

    def keep(self, version: GuardVersion, *, by: str) -> str:
        """The id of the version; the default as it came becomes one like others."""
        return self._artifacts.register("policy", version.name, guard_manifest(version.policy), by=by).id

    def diff(self, before: GuardPolicy, after: GuardPolicy) -> Sequence[GuardDifference]:
        return compare_guards(before, after)

    def text(self, version: GuardVersion) -> str | None:
        """As it was written, comments included. None: it was not pushed as a text."""
        with self._records.read() as view:
            kept = view.get(Version, f"{PREFIX}{version.name}@{version.digest}")
        if kept is not None and kept.text:
            return kept.text
        return default_text() if version.digest == default_digest() else None

    def read(self, text: str | None, document: Any, form: WrittenForm | None = None) -> ReadGuard:
        """A policy from its text or from a document, checked, and nothing kept."""
        if (text is None) == (document is None):
            raise UsageError("Which policy?", remedy="Give either text or policy.", param="text")
        read = read_guard_document(document) if text is None else read_guard(text, form)
        if read.policy is None:
            return read
        try:
            with self._records.read() as view:
                read = msgspec.structs.replace(read, policy=pinned_documents(view, read.policy))
            if self._judge is not None and read.policy is not None:
                self._judge.check(read.policy)
        except UsageError as error:
            return read.refused(error, text, form)
        return read

    def _check_visible(self, view: View, name: str, actor: Actor | None) -> None:
        artifact = view.get(Artifact, f"{PREFIX}{name}")
        if artifact is None:
            seen = name == DEFAULT_GUARD
        else:
            seen = artifact.id != APPROVALS and (actor is None or may_see(actor, artifact))
        if seen:
            return
        known = [one.name for one in guard_artifacts(view) if actor is None or may_see(actor, one)]
        raise NotFound(
            f"There is no guard policy {name[:80]!r}.", remedy=suggestion(name, {*known, DEFAULT_GUARD}), param="name"
        )


def _state(view: View, name: str) -> GuardState:
    where = {"artifact_id": f"{PREFIX}{name}"}
    versions = sorted(every(view, Version, where), key=lambda one: (one.created_us, one.id))
    aliases = {one.name: one.version_id for one in every(view, Alias, where)}
    current = guard_version(view, name)
    builtin = name == DEFAULT_GUARD and CURRENT not in aliases
    return GuardState(name=name, current=current, builtin=builtin, versions=versions, aliases=aliases)
