"""Prompts as a kind of artifact: includes are pinned when a version is pushed; what the gateway gets is whole."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import (
    LARGEST_PROMPT,
    Alias,
    Artifact,
    Deployment,
    PromptManifest,
    PromptVersion,
    Relation,
    Release,
    Version,
    includes_of,
    link,
    prompt_manifest,
)
from genaiops.hub._kinds import Kind
from genaiops.hub._validation import every
from genaiops.ports.records import View

NEWEST: Final = 20
"""Versions of a prompt that calls can name by digest, besides those that aliases and deployments name."""
MOST_BYTES: Final = 8 << 20
"""Of manifests of such versions in a Snapshot."""
_MOST_LINKED: Final = 2_000
_DEEPEST: Final = 8

_linked: dict[str, bytes] = {}
"""A version's id -> its whole manifest. Versions never change, and every write compiles a Snapshot."""


def prepare_prompt(view: View, name: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with each include pinned to the version that it names now. UsageError names what is wrong."""
    found = prompt_manifest({key: value for key, value in manifest.items() if key != "includes"})
    includes = {reference: _pinned(view, reference) for reference in includes_of(found)}
    found = msgspec.structs.replace(found, includes=includes)
    artifact_id = f"prompt/{name}"
    for reference, version_id in includes.items():
        if artifact_id in _reached(view, version_id):
            raise UsageError(
                f"{name!r} includes {reference!r}, which is made of {name!r}.",
                remedy="Take one of the two includes out.",
                code="prompt_cycle",
                param="includes",
            )
    link_prompt(view, found)
    plain: dict[str, Any] = msgspec.to_builtins(found)
    size = len(msgspec.json.encode(plain))
    if size > LARGEST_PROMPT:
        raise UsageError(
            f"The prompt {name!r} has {size} bytes, and {LARGEST_PROMPT} are allowed.",
            remedy="Shorten it.",
            code="prompt_invalid",
            param="manifest",
        )
    return plain


def link_prompt(view: View, manifest: PromptManifest, depth: int = 0) -> PromptManifest:
    """The manifest with the text of everything that it includes."""
    if depth > _DEEPEST:
        raise UsageError(
            f"Prompts include each other deeper than {_DEEPEST}.", remedy="Make them flatter.", code="prompt_invalid"
        )
    known: dict[str, PromptManifest] = {}

    def included(reference: str) -> PromptManifest:
        if reference not in known:
            known[reference] = link_prompt(view, _manifest(view, manifest.includes[reference]), depth + 1)
        return known[reference]

    return link(manifest, included)


def prompts_in_force(view: View) -> tuple[PromptVersion, ...]:
    """The versions that calls can name: those of aliases and deployed releases, and the newest of each prompt."""
    artifacts = {one.id: one for one in every(view, Artifact, {"kind": "prompt"})}
    if not artifacts:
        return ()
    aliases: defaultdict[str, list[str]] = defaultdict(list)
    for artifact_id in artifacts:
        for alias in every(view, Alias, {"artifact_id": artifact_id}):
            aliases[alias.version_id].append(alias.name)
    needed = {*aliases, *_deployed(view)}
    room = MOST_BYTES
    found: list[PromptVersion] = []
    for artifact in artifacts.values():
        versions = sorted(every(view, Version, {"artifact_id": artifact.id}), key=lambda one: (-one.created_us, one.id))
        for number, version in enumerate(versions):
            if version.id not in needed and (number >= NEWEST or room <= 0):
                continue
            whole = _whole(view, version)
            room -= 0 if version.id in needed else len(whole)
            found.append(
                PromptVersion(
                    name=artifact.name,
                    digest=version.digest,
                    aliases=tuple(aliases[version.id]),
                    team_id=artifact.team_id if artifact.visibility == "team" else None,
                    manifest=whole,
                )
            )
    return tuple(found)


def _whole(view: View, version: Version) -> bytes:
    whole = _linked.get(version.id)
    if whole is None:
        linked = link_prompt(view, msgspec.convert(version.manifest, PromptManifest))
        if len(_linked) >= _MOST_LINKED:
            _linked.clear()
        whole = _linked[version.id] = msgspec.json.encode(linked)
    return whole


def _deployed(view: View) -> Iterator[str]:
    for deployment in every(view, Deployment):
        for release_id in deployment.releases:
            release = view.get(Release, release_id)
            if release is not None and release.manifest.prompt is not None:
                yield release.manifest.prompt


def _pinned(view: View, reference: str) -> str:
    full = f"prompt/{reference}"
    alias = view.get(Alias, full)
    version_id = full if alias is None else alias.version_id
    if view.get(Version, version_id) is None:
        same = every(view, Alias, {"artifact_id": full.partition("@")[0]})
        names = (one.id.removeprefix("prompt/") for one in same)
        raise NotFound(
            f"The include {reference!r} names no prompt's version.",
            remedy=suggestion(reference, names),
            param="messages",
        )
    return version_id


def _manifest(view: View, version_id: str) -> PromptManifest:
    version = view.get(Version, version_id)
    if version is None:
        raise NotFound(f"There is no version {version_id!r}.", remedy="Push the prompt again.", param="includes")
    return msgspec.convert(version.manifest, PromptManifest)


def _reached(view: View, version_id: str) -> set[str]:
    """The artifacts that a version is made of, its own with them."""
    found: set[str] = set()
    seen: set[str] = set()
    ahead = [version_id]
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            found.add(one.partition("@")[0])
            ahead += _manifest(view, one).includes.values()
    return found


def _made_of(manifest: Mapping[str, Any]) -> Sequence[tuple[Relation, str]]:
    return [("includes", version_id) for version_id in manifest.get("includes", {}).values()]


PROMPT = Kind(prepare=prepare_prompt, made_of=_made_of)
