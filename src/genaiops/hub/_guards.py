"""Guard policies: versions of artifacts `policy/NAME`; which of them the gateway needs, and what refers to them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

import msgspec

from genaiops.core.digest import digest_value
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import (
    DEFAULT_GUARD,
    Alias,
    ApiKey,
    Artifact,
    Deployment,
    Environment,
    GuardPolicy,
    GuardVersion,
    InForce,
    Relation,
    Release,
    Route,
    Span,
    Version,
)
from genaiops.hub._artifacts import register
from genaiops.hub._guard_text import read_guard, read_guard_document
from genaiops.hub._kinds import Kind
from genaiops.hub._policy import ARTIFACT as APPROVALS
from genaiops.hub._policy import checked_policy
from genaiops.hub._registered import PREFIX as DOCUMENTS
from genaiops.hub._registered import documents_in, documents_of, pinned_documents
from genaiops.hub._validation import every, existing
from genaiops.ports.guard import Judge
from genaiops.ports.records import Unit, View

CURRENT: Final = "current"
PREFIX: Final = "policy/"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_TAKEN = frozenset({"check", "diff", "figures", "replay", "replays", "schema", "test", "verdicts"})
"""Names that mean something else at the same address of the API."""


@cache
def default_text() -> str:
    """The policy that is in force until somebody pushes one named `default`, as TOML with comments."""
    return (files("genaiops.hub") / "data" / "guard_default.toml").read_text(encoding="utf-8")


@cache
def default_manifest() -> Mapping[str, Any]:
    return guard_manifest(read_guard(default_text(), "toml").checked())


@cache
def default_digest() -> str:
    return digest_value(dict(default_manifest()))


def guard_manifest(policy: GuardPolicy) -> dict[str, Any]:
    """What a version of it holds: all that is not the default, and the kind."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(policy))
    return {"kind": "guard", **plain}


def guard_of(version: Version) -> GuardPolicy | None:
    """None: a policy of another kind."""
    if version.artifact_id == APPROVALS:
        return None
    try:
        return msgspec.convert(version.manifest, GuardPolicy)
    except msgspec.ValidationError:
        return None


def policy_kind(judge: Judge | None) -> Kind:
    """What the Hub knows of policies. `judge` looks whether detectors can do what a policy asks (None: nobody does)."""

    def prepare(view: View, name: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        return _prepared(view, name, manifest, judge)

    return Kind(prepare=prepare, made_of=_made_of, check_alias_removal=refuse_while_guarding)


def _made_of(manifest: Mapping[str, Any]) -> Sequence[tuple[Relation, str]]:
    return [("pins", f"{DOCUMENTS}{reference}") for reference in dict.fromkeys(documents_in(dict(manifest)))]


def _prepared(view: View, name: str, manifest: Mapping[str, Any], judge: Judge | None) -> dict[str, Any]:
    """A policy's manifest, whole and checked."""
    if name == APPROVALS.removeprefix(PREFIX):
        return checked_policy(dict(manifest))
    if _NAME.fullmatch(name) is None or name in _TAKEN:
        raise UsageError(
            f"{name!r} cannot be the name of a guard policy.",
            remedy="Use 1 to 64 lower case letters, digits and . _ -, a letter or digit first, and none of "
            f"{', '.join(sorted(_TAKEN))}.",
            param="name",
        )
    policy = pinned_documents(view, read_guard_document(dict(manifest)).checked())
    if judge is not None:
        judge.check(policy)
    return guard_manifest(policy)


def checked_guard(view: View, reference: str, *, param: str = "guard") -> str:
    """A reference to a guard policy in the form in which it is stored: `name`, `name@alias`, `name@sha256:...`.
    NotFound names the nearest when there is none."""
    name, at, tail = reference.removeprefix(PREFIX).partition("@")
    if tail == CURRENT:
        at = tail = ""
    found = f"{name}{at}{tail}"
    if guard_version(view, found) is None:
        raise NotFound(
            f"There is no guard policy {reference[:200]!r}.",
            remedy=suggestion(found, _references(view)),
            param=param,
        )
    return found


def guard_version(view: View, reference: str) -> GuardVersion | None:
    """The version that `name`, `name@alias` or `name@sha256:...` names now."""
    name, _, tail = reference.partition("@")
    alias = view.get(Alias, f"{PREFIX}{name}@{tail or CURRENT}")
    version = view.get(Version, f"{PREFIX}{name}@{tail}" if alias is None else alias.version_id)
    policy = None if version is None else guard_of(version)
    if version is not None and policy is not None:
        return GuardVersion(name=name, digest=version.digest, policy=policy)
    if name == DEFAULT_GUARD and alias is None and tail in ("", CURRENT, default_digest()):
        return builtin_default()
    return None


def pinned_guard(view: View, reference: str, *, param: str) -> str:
    """The id of the version that a release pins: it stays when the alias moves."""
    found = guard_version(view, checked_guard(view, reference, param=param))
    assert found is not None
    return f"{PREFIX}{found.name}@{found.digest}"


def keep_default(unit: Unit, version_id: str | None, now_us: int) -> None:
    """The default becomes a version like others once a release pins it, so that it stays what it was."""
    builtin = f"{PREFIX}{DEFAULT_GUARD}@{default_digest()}"
    if version_id == builtin and unit.get(Version, builtin) is None:
        artifact_id = f"{PREFIX}{DEFAULT_GUARD}"
        artifact = Artifact(id=artifact_id, kind="policy", name=DEFAULT_GUARD, created_us=now_us)
        register(unit, artifact, default_manifest(), by="default")


def standing_guards(view: View, call: Span, release: str | None) -> Iterator[InForce]:
    """What holds now for a call with such a key, environment and route, served by the release of that digest: as the
    gateway finds it."""
    key = None if call.key_id is None else view.get(ApiKey, call.key_id)
    environment = None if call.environment_id is None else view.get(Environment, call.environment_id)
    route = None if call.route_id is None else view.get(Route, call.route_id)
    served = None if release is None else view.get(Release, f"{call.application}@{release}")
    wanted = (
        (key.guard if key is not None else None)
        or (environment.guard if environment is not None else None)
        or DEFAULT_GUARD,
        None if route is None else route.guard,
        None if served is None else served.manifest.pins.get("guard"),
    )
    for reference in dict.fromkeys(_named(each) for each in wanted if each is not None):
        version = guard_version(view, reference)
        if version is not None:
            yield InForce(reference, version.digest)


def _named(reference: str) -> str:
    """With the alias that a bare name means."""
    reference = reference.removeprefix(PREFIX)
    return reference if "@" in reference else f"{reference}@{CURRENT}"


def builtin_default(aliases: Iterable[str] = ()) -> GuardVersion:
    policy = msgspec.convert(default_manifest(), GuardPolicy)
    return GuardVersion(name=DEFAULT_GUARD, digest=default_digest(), aliases=tuple(aliases), policy=policy)


def guards_in_force(view: View) -> tuple[GuardVersion, ...]:
    """The versions that something can refer to: those of aliases, those that deployed releases, environments, routes
    and keys name by digest, and the default."""
    aliases: defaultdict[str, list[str]] = defaultdict(list)
    versions: dict[str, Version] = {}
    for artifact in guard_artifacts(view):
        for alias in every(view, Alias, {"artifact_id": artifact.id}):
            aliases[alias.version_id].append(alias.name)
        versions.update((version.id, version) for version in every(view, Version, {"artifact_id": artifact.id}))
    needed = {*aliases, *_pinned(view)}
    builtin = f"{PREFIX}{DEFAULT_GUARD}@{default_digest()}"
    unnamed = view.get(Alias, f"{PREFIX}{DEFAULT_GUARD}@{CURRENT}") is None
    found = [builtin_default([*aliases.get(builtin, ()), *([CURRENT] if unnamed else [])])]
    for version_id, version in versions.items():
        if version_id == builtin or (version_id not in needed and not _keys_name(view, version_id)):
            continue
        policy = guard_of(version)
        if policy is not None:  # an older installation may hold others
            name = version.artifact_id.removeprefix(PREFIX)
            named = tuple(aliases.get(version_id, ()))
            found.append(GuardVersion(name=name, digest=version.digest, aliases=named, policy=policy))
    return tuple(sorted(found, key=lambda one: (one.name, one.digest)))


def refuse_approvals(name: str) -> None:
    """UsageError for the policy of consent, which is of another kind."""
    if f"{PREFIX}{name}" == APPROVALS:
        raise UsageError(
            f"{name!r} is the policy of consent, and no guard policy.",
            remedy="Use genaiops policy push approvals FILE, or PUT /api/policies/approvals.",
            code="made_elsewhere",
            param="name",
        )


def guard_artifacts(view: View) -> Iterator[Artifact]:
    return (one for one in every(view, Artifact, {"kind": "policy"}) if one.id != APPROVALS)


class GuardUse(msgspec.Struct, frozen=True):
    """What refers to a guard policy: `kind` is key, environment, route or release; `reference` as it says it."""

    kind: str
    id: str
    name: str
    reference: str


def uses_of_guard(view: View, name: str, *, most_keys: int = 20) -> list[GuardUse]:
    """What refers to any version of it: environments and routes, releases that serve somewhere, and keys that work
    (of each reference at most `most_keys`)."""
    found = [
        GuardUse(kind, one.id, one.id, one.guard)
        for kind, nouns in (("environment", every(view, Environment)), ("route", every(view, Route)))
        for one in nouns
        if one.guard is not None and one.guard.partition("@")[0] == name
    ]
    found += [
        GuardUse("release", release.id, release.id, version_id.removeprefix(PREFIX))
        for release in _deployed(view)
        if (version_id := release.manifest.pins.get("guard", "")).partition("@")[0] == f"{PREFIX}{name}"
    ]
    where = {"artifact_id": f"{PREFIX}{name}"}
    tails = [*(one.name for one in every(view, Alias, where)), *(one.digest for one in every(view, Version, where))]
    for reference in (name, *(f"{name}@{tail}" for tail in dict.fromkeys((*tails, default_digest())))):
        found += (GuardUse("key", key.id, key.name, reference) for key in _keys(view, reference, most_keys))
    return found


def uses_of_documents(view: View, name: str) -> Iterator[GuardUse]:
    """The aliases of guard policies whose versions pin a version of these registered documents."""
    for artifact in guard_artifacts(view):
        for alias in every(view, Alias, {"artifact_id": artifact.id}):
            policy = guard_of(existing(view, Version, alias.version_id, word="version"))
            for reference in dict.fromkeys(documents_of(policy) if policy is not None else ()):
                if reference.partition("@")[0] == name:
                    yield GuardUse("policy", alias.id.removeprefix(PREFIX), artifact.name, reference)


def refuse_while_guarding(view: View, alias_id: str) -> None:
    """Conflict when something refers to a guard policy by this alias."""
    name, _, alias = alias_id.removeprefix(PREFIX).partition("@")
    reference = name if alias == CURRENT else f"{name}@{alias}"
    if alias == CURRENT and name == DEFAULT_GUARD:
        return  # the built-in one is in force again
    used = [use for use in uses_of_guard(view, name, most_keys=1) if use.reference == reference]
    if used:
        raise Conflict(
            f"{alias_id} guards the {used[0].kind} {used[0].name!r}{' and others' if len(used) > 1 else ''}.",
            remedy="Give what it guards another policy first, or let the alias name another version.",
            code="in_use",
        )


def _pinned(view: View) -> Iterator[str]:
    """Ids of versions that deployed releases pin, and that environments and routes name by digest."""
    yield from (release.manifest.pins["guard"] for release in _deployed(view) if "guard" in release.manifest.pins)
    for one in (*every(view, Environment), *every(view, Route)):
        if one.guard is not None and "@sha256:" in one.guard:
            yield f"{PREFIX}{one.guard}"


def _deployed(view: View) -> Iterator[Release]:
    for release_id in dict.fromkeys(name for one in every(view, Deployment) for name in one.releases):
        release = view.get(Release, release_id)
        if release is not None:
            yield release


def _keys_name(view: View, version_id: str) -> bool:
    return bool(_keys(view, version_id.removeprefix(PREFIX), 1))


def _keys(view: View, reference: str, most: int) -> list[ApiKey]:
    return list(islice((key for key in every(view, ApiKey, {"guard": reference}) if key.revoked_us is None), most))


def _references(view: View) -> Iterator[str]:
    yield DEFAULT_GUARD
    for artifact in guard_artifacts(view):
        if artifact.visibility == "organisation":
            name = artifact.id.removeprefix(PREFIX)
            for alias in every(view, Alias, {"artifact_id": artifact.id}):
                yield name if alias.name == CURRENT else f"{name}@{alias.name}"
