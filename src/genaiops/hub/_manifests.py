"""What a release may pin: checked against what there is, and named by its digest."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from genaiops.core.digest import digest_value
from genaiops.core.errors import Conflict, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Alias, Commit, Deployment, Release, ReleaseManifest, Route, Target, Version
from genaiops.hub._guards import pinned_guard
from genaiops.hub._validation import as_stored, checked_name, checked_text, every, existing
from genaiops.ports.records import View

_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SHA = re.compile(r"[0-9a-f]{7,64}")
_MOST = 64
_LARGEST = 65_536
_RESERVED = {
    "model": "Name it as the release's model.",
    "messages": "Put them into a prompt, and pin that.",
    "prompt": "Pin the prompt itself.",
    "input": "It is what each call brings.",
    "stream": "Each call says for itself whether it is a stream.",
    "stream_options": "Each call says for itself whether it is a stream.",
    "user": "Each call says who it is for.",
    "metadata": "Each call says it for itself.",
    "genaiops": "Each call says it for itself.",
}


def _between(least: float, most: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100_000_000


_KNOWN: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": (_between(0, 2), "a number from 0 to 2"),
    "top_p": (_between(0, 1), "a number from 0 to 1"),
    "presence_penalty": (_between(-2, 2), "a number from -2 to 2"),
    "frequency_penalty": (_between(-2, 2), "a number from -2 to 2"),
    "max_tokens": (_count, "a whole number from 1"),
    "max_completion_tokens": (_count, "a whole number from 1"),
    "n": (_count, "a whole number from 1"),
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "tools": (lambda value: isinstance(value, list), "a list"),
    "response_format": (lambda value: isinstance(value, dict), "an object"),
}
"""What is known of OpenAI's parameters. Any others are passed on as they are: providers have their own."""


def manifest_digest(manifest: ReleaseManifest) -> str:
    """SHA-256 of the canonical JSON of all fields that are not their default, so that a field which manifests get later
    leaves the names of former releases as they are."""
    return digest_value(_plain(manifest))


def _plain(manifest: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(manifest):
        value = getattr(manifest, field.name)
        default = (
            field.default_factory()
            if field.default is msgspec.NODEFAULT and callable(field.default_factory)
            else field.default
        )
        if value != default:
            found[field.name] = _plain(value) if isinstance(value, msgspec.Struct) else value
    return found


def checked_manifest(view: View, manifest: ReleaseManifest) -> ReleaseManifest:
    """With references by alias resolved to versions. NotFound and UsageError name the field at fault."""
    manifest = as_stored(manifest)
    _check_model(view, manifest.model)
    _check_parameters(manifest.parameters)
    if manifest.commit is not None:
        _check_commit(manifest.commit)
    pins: dict[str, str] = {}
    for name, reference in manifest.pins.items():
        checked_name(name, word="pin", param="pins")
        param = f"pins.{name}"
        pins[name] = (
            pinned_guard(view, reference, param=param) if name == "guard" else pinned(view, reference, param=param)
        )
    prompt = None
    if manifest.prompt is not None:
        reference = manifest.prompt if manifest.prompt.startswith("prompt/") else f"prompt/{manifest.prompt}"
        prompt = pinned(view, reference, param="prompt")
    return msgspec.structs.replace(manifest, prompt=prompt, pins=pins)


def pinned(view: View, reference: str, *, param: str) -> str:
    """The id of the version that `kind/name@alias` or `kind/name@sha256:...` names now."""
    if "@" not in reference:
        raise UsageError(
            f"{reference!r} names no version.",
            remedy=f"Write {reference}@ALIAS or {reference}@sha256:...",
            param=param,
        )
    if "@sha256:" in reference:
        return existing(view, Version, reference, word="version", param=param).id
    return existing(view, Alias, reference, word="alias", param=param).version_id


def missing_pins(view: View, manifest: ReleaseManifest) -> list[str]:
    """What the manifest names and is not there any more: versions by id, and a model that nothing serves."""
    ids = [*manifest.pins.values(), *([manifest.prompt] if manifest.prompt is not None else [])]
    gone = [version_id for version_id in ids if view.get(Version, version_id) is None]
    return gone if _serves(view, manifest.model) else [*gone, f"model {manifest.model}"]


def refuse_while_deployed(view: View, model: str) -> None:
    """Conflict when a release that serves somewhere calls that model."""
    for deployment in every(view, Deployment):
        for share in deployment.shares:
            release = view.get(Release, share.release_id)
            if release is not None and release.manifest.model == model:
                raise Conflict(
                    f"The release that serves {deployment.id} calls {model!r}.",
                    remedy="Deploy another release there first.",
                    code="in_use",
                )


def _serves(view: View, model: str) -> bool:
    return view.get(Route, model) is not None or view.count(Target, {"model": model}) > 0


def _check_model(view: View, model: str) -> None:
    if not _serves(view, model):
        names = {route.id for route in every(view, Route)} | {target.model for target in every(view, Target)}
        raise UsageError(f"There is no model or route {model!r}.", remedy=suggestion(model, names), param="model")


def _check_parameters(parameters: Mapping[str, Any]) -> None:
    if len(parameters) > _MOST or len(msgspec.json.encode(parameters)) > _LARGEST:
        raise UsageError(
            f"The parameters are more than {_MOST}, or larger than {_LARGEST} bytes.",
            remedy="Put long texts into a prompt.",
            param="parameters",
        )
    for name, value in parameters.items():
        param = f"parameters.{name}"
        if name in _RESERVED:
            raise UsageError(f"{name!r} cannot be a parameter of a release.", remedy=_RESERVED[name], param=param)
        if _PARAMETER.fullmatch(name) is None:
            raise UsageError(
                f"{name!r} cannot be the name of a parameter.", remedy="Use a_name_like_this.", param=param
            )
        known = _KNOWN.get(name)
        if value is None or (known is not None and not known[0](value)):
            wanted = known[1] if known is not None else "a value, or leave it out"
            raise UsageError(f"{name} is {msgspec.json.encode(value).decode()}.", remedy=f"Use {wanted}.", param=param)


def _check_commit(commit: Commit) -> None:
    if _SHA.fullmatch(commit.sha) is None:
        raise UsageError(
            f"{commit.sha[:80]!r} is no Git commit.", remedy="Give its hash (git rev-parse HEAD).", param="commit.sha"
        )
    checked_text(commit.repository, param="commit.repository", longest=500)
