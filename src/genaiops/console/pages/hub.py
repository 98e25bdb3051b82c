"""Hub: artifacts across teams, their versions, what changed between two, where aliases point, what uses them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.checks.prompts import PromptFinding, lint_prompt
from genaiops.console import _lineage
from genaiops.console._differences import changed, rows
from genaiops.console._forms import why_of
from genaiops.console._models import models
from genaiops.console._rows import rows_of, text_of
from genaiops.console._undo import Undo
from genaiops.console._visit import Chip, Visit, Visiting, field, redirect
from genaiops.console.pages.side_by_side import comparing_metrics, datasets
from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.domain import Alias, Artifact, ArtifactKind, PromptManifest, Version
from genaiops.hub import BOOTSTRAP, Permission, PinnedBy, context_window, link_prompt, may_see, pinned_by
from genaiops.ports.records import COLLECTIONS, Change
from genaiops.ports.telemetry import TraceFilter, property_word
from genaiops.watch import Called, calls_with, word_of

_CHANGES = 5_000
"""So many of the latest changes are looked through for the history of aliases."""
_ALIASES = COLLECTIONS[Alias].name
_WEEK_US = 7 * 86_400_000_000
_COUNTED = 500
_LOOKED = 20
_MODELS = ("model", "embedding")
_CHIPS = {"q": "words", "kind": "kind", "owner": "owner"}


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    artifact: Artifact
    owner: str
    versions: int
    latest: Version | None
    aliases: Sequence[str]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """`version_id` None: it was removed."""

    at_us: int
    by: str
    alias: str
    version_id: str | None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A release that pins the version, where it serves, and its calls of the last seven days (`more`: at least)."""

    release_id: str
    version_id: str
    places: Sequence[str]
    calls: int
    more: bool
    word: str


@get("/hub", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    kind, owner = visit.query.get("kind"), visit.query.get("owner")
    words = visit.query.get("q", "").casefold().split()
    everything = [_listed(visit, each) for each in visit.services.hub.artifacts.list() if may_see(visit.actor, each)]
    found = [
        each
        for each in everything
        if (kind is None or each.artifact.kind == kind)
        and (owner is None or owner in (each.owner, each.artifact.owner))
        and all(word in _text(each) for word in words)
    ]
    counts = {name: sum(each.artifact.kind == name for each in everything) for name in get_args(ArtifactKind)}
    return visit.page(
        "hub.html",
        title="Hub",
        nav="hub",
        knows=_CHIPS,
        found=found,
        total=len(everything),
        begun=any(each.latest is not None and each.latest.created_by != BOOTSTRAP for each in everything),
        counts={name: count for name, count in counts.items() if count},
        chips=[
            Chip(label, visit.query[name], visit.same(**{name: None}))
            for name, label in _CHIPS.items()
            if name in visit.query and name != "kind"
        ],
    )


@get("/hub/{artifact_id:path}", sync_to_thread=True)
def one(visit: Visiting, artifact_id: FromPath[str]) -> Response[str]:
    artifact = _artifact(visit, artifact_id.lstrip("/"))
    hub = visit.services.hub
    versions = list(hub.artifacts.versions(artifact.id))[::-1]
    aliases = hub.artifacts.aliases(artifact.id)
    shown = _chosen(visit, versions, "version", 0)
    before = _chosen(visit, versions, "with", min(versions.index(shown) + 1, len(versions) - 1)) if shown else None
    picture = _lineage.lineage(hub.lineage, shown.id if shown else artifact.id)
    return visit.page(
        "artifact.html",
        title="Hub",
        nav="hub",
        knows=("version", "with", "all"),
        artifact=artifact,
        owner=_owner(visit, artifact, versions),
        versions=versions,
        aliases=aliases,
        aliased={each.id: [alias.name for alias in aliases if alias.version_id == each.id] for each in versions},
        shown=shown,
        before=before,
        fields=rows({}, shown.manifest) if shown else (),
        parts=changed(hub.artifacts.compare(before.id, shown.id)) if shown and before and before is not shown else (),
        moves=_moves(visit, artifact.id),
        data=rows_of(visit, shown, before if before is not shown else None)
        if shown is not None and artifact.kind == "dataset"
        else None,
        row_text=text_of,
        tried=_tried(visit, artifact, versions),
        faults=_faults(visit, shown) if shown is not None and artifact.kind == "prompt" else None,
        benchmarks=visit.services.evaluations.benchmarks(artifact.name) if artifact.kind in _MODELS else None,
        uses=_uses(visit, versions),
        called=_called(visit, artifact, versions, aliases),
        word_of=word_of,
        may_move=visit.can("policies" if artifact.kind == "policy" else "artifacts"),
        **_lineage.parts(picture),
    )


def _tried(visit: Visit, artifact: Artifact, versions: Sequence[Version]) -> Mapping[str, Any] | None:
    """What a comparison of two versions on a dataset can be made of; None: there are no two, or one may not."""
    if artifact.kind != "prompt" or len(versions) < 2 or not (visit.can("playground") and visit.can("artifacts")):
        return None
    return {"datasets": datasets(visit), "metrics": comparing_metrics(), "models": models(visit)}


def _faults(visit: Visit, version: Version) -> Sequence[PromptFinding]:
    """What rules say of a prompt, with its includes put in."""
    with visit.services.hub.records.read() as view:
        manifest = link_prompt(view, msgspec.convert(version.manifest, PromptManifest))
    return lint_prompt(manifest, window=context_window(visit.services.hub, manifest.model))


@post("/hub/alias", sync_to_thread=True)
def move(visit: Visiting) -> Response[None]:
    """Let an alias name another version."""
    needed: dict[str, Permission] = {"policy": "policies", "use-case": "use_cases"}
    visit.require(needed.get(field(visit.form, "artifact").partition("/")[0], "artifacts"))
    artifact = _artifact(visit, field(visit.form, "artifact"))
    alias, version_id = field(visit.form, "alias"), field(visit.form, "version")
    artifacts, by, why = visit.services.hub.artifacts, visit.actor.id, why_of(visit.form)
    former = next((each for each in artifacts.aliases(artifact.id) if each.name == alias), None)
    try:
        moved = artifacts.move(artifact.id, alias, version_id, reason=why.reason, emergency=why.emergency, by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/hub/{artifact.id}"))
    visit.publish()
    undo = None
    if former is not None and former.version_id != version_id:
        back = former.version_id
        undo = Undo(
            "artifacts",
            lambda: artifacts.move(artifact.id, alias, back, reason=why.reason, emergency=why.emergency, by=by),
            f"{artifact.name}@{alias} names {short(back)} again.",
        )
    visit.say(f"{artifact.name}@{alias} names {short(moved.version_id)} now.", undo=undo)
    return redirect(visit.link(f"/hub/{artifact.id}"))


def short(version_id: str) -> str:
    """The first digits of a version's digest."""
    return version_id.rpartition("sha256:")[2][:8]


def _artifact(visit: Visit, artifact_id: str) -> Artifact:
    """NotFound also for what the visitor may not see."""
    artifact = visit.services.hub.artifacts.get(artifact_id)
    if not may_see(visit.actor, artifact):
        raise NotFound(f"There is no artifact {artifact_id[:120]!r}.", remedy="The Hub lists those that you may see.")
    return artifact


def _listed(visit: Visit, artifact: Artifact) -> Listed:
    versions = visit.services.hub.artifacts.versions(artifact.id)
    return Listed(
        artifact=artifact,
        owner=_owner(visit, artifact, versions),
        versions=len(versions),
        latest=versions[-1] if versions else None,
        aliases=[each.name for each in visit.services.hub.artifacts.aliases(artifact.id)],
    )


def _owner(visit: Visit, artifact: Artifact, versions: Sequence[Version]) -> str:
    """Its owner's name; where nobody was named, who made its first version."""
    oldest = min(versions, key=lambda each: each.created_us, default=None)
    actor = artifact.owner or (oldest.created_by if oldest else "")
    return visit.name_of(actor) if actor else "unknown"


def _text(each: Listed) -> str:
    artifact = each.artifact
    said = (artifact.id, artifact.title, artifact.description, each.owner, *artifact.tags, *each.aliases)
    return "\n".join(said).casefold()


def _chosen(visit: Visit, versions: Sequence[Version], name: str, otherwise: int) -> Version | None:
    """The version whose digest begins with what the address says."""
    wanted = visit.query.get(name, "").removeprefix("sha256:")
    if not wanted:
        return versions[otherwise] if versions else None
    found = [each for each in versions if each.digest.removeprefix("sha256:").startswith(wanted)]
    if len(found) != 1:
        raise NotFound(f"There is no version {wanted[:80]!r} of it.", remedy="Choose one of the list.", param=name)
    return found[0]


def _moves(visit: Visit, artifact_id: str) -> Sequence[Moved]:
    """Newest first."""
    with visit.services.hub.records.read() as view:
        after = max(0, view.version() - _CHANGES)
        changes: list[Change] = []
        while page := view.changes(after):
            changes += [
                one for one in page if one.collection == _ALIASES and one.entity_id.startswith(f"{artifact_id}@")
            ]
            after = page[-1].seq
    return [
        Moved(
            at_us=change.at_us,
            by=visit.name_of(change.actor_id),
            alias=change.entity_id.rpartition("@")[2],
            version_id=None if change.body is None else msgspec.json.decode(change.body, type=Alias).version_id,
        )
        for change in reversed(changes)
    ]


def _uses(visit: Visit, versions: Iterable[Version]) -> Sequence[Use]:
    with visit.services.hub.records.read() as view:
        pinned = pinned_by(view, [version.id for version in versions])
    return [_use(visit, each) for each in pinned]


def _called(visit: Visit, artifact: Artifact, versions: Sequence[Version], aliases: Sequence[Alias]) -> Called:
    """Who called with a version of a prompt in the last seven days: of its newest ones and those with an alias."""
    looked = [*(each.id for each in versions[:_LOOKED]), *(alias.version_id for alias in aliases)]
    ids = list(dict.fromkeys(looked)) if artifact.kind == "prompt" else []
    since = visit.now_us - _WEEK_US
    return calls_with(visit.services.stores.telemetry, ids, since_us=since, environment_id=visit.environment)


def _use(visit: Visit, pinned: PinnedBy) -> Use:
    word = property_word("release", pinned.release_id.partition("@")[2])
    where = TraceFilter(text=word, since_us=visit.now_us - _WEEK_US, environment_id=visit.environment)
    page = visit.services.stores.telemetry.list(where, limit=_COUNTED)
    return Use(
        release_id=pinned.release_id,
        version_id=pinned.version_id,
        places=pinned.environments,
        calls=len(page.rows),
        more=page.next is not None,
        word=word,
    )


def prompts(visit: Visit) -> Mapping[str, str]:
    """Versions of prompts that the visitor may see, newest first of each: id -> what it is called."""
    found: dict[str, str] = {}
    artifacts = visit.services.hub.artifacts
    for artifact in artifacts.of_kind("prompt"):
        if may_see(visit.actor, artifact):
            named = {each.version_id: each.name for each in artifacts.aliases(artifact.id)}
            for version in list(artifacts.versions(artifact.id))[::-1][:10]:
                alias = named.get(version.id)
                found[version.id] = f"{artifact.name} {short(version.id)}{f' ({alias})' if alias else ''}"
    return found


def prompt_of(visit: Visit, version_id: str) -> Mapping[str, Any]:
    """The manifest of one of `prompts`."""
    if version_id not in prompts(visit):
        raise NotFound(f"There is no version {version_id[:120]!r} of a prompt.", remedy="Choose one of the list.")
    return cast("Mapping[str, Any]", visit.services.hub.artifacts.resolve(version_id).manifest)


HANDLERS: list[Any] = [show, one, move]
