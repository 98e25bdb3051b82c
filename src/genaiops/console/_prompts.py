"""Prompts as the Playground tries them: texts of a form into messages, and into a manifest that can be saved."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import PromptManifest, ReadyPrompt, link, prompt_manifest
from genaiops.hub import Hub

_NAMES = re.compile(r"\{\{\s*(?:#(?:if|each)\s+)?([A-Za-z_][A-Za-z0-9_]*)")
_NOT_NAMES = frozenset({"this", "else"})
_DEEPEST = 8
_TYPES: Mapping[type[object], str] = {bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}


def values_of(text: str) -> dict[str, Any]:
    """`name = value`, one a line; a value that is JSON is what it says, any other a string."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not line.strip():
            continue
        if not equals or not name.strip():
            raise UsageError(f"{line[:60]!r} is no variable.", remedy="Write name = value, one a line.")
        try:
            found[name.strip()] = msgspec.json.decode(value.strip())
        except msgspec.DecodeError:
            found[name.strip()] = value.strip()
    return found


def manifest_of(base: Mapping[str, Any], given: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the form says over what it was loaded from: variables that a text uses and nobody declared are declared by
    the values that they have."""
    manifest = {**base, **given}
    declared = {each["name"]: each for each in _declared(base)}
    for name in _used(manifest.get("messages", ())):
        declared.setdefault(name, {"name": name, **_type(values.get(name))})
    manifest["variables"] = list(declared.values())
    return {name: value for name, value in manifest.items() if value not in (None, {}, [], ())}


def rendered(hub: Hub, manifest: Mapping[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Its messages with the values put in. UsageError says which variable is missing."""
    ready = ReadyPrompt("in the Playground", "", _linked(hub, prompt_manifest(manifest), 0))
    return ready.render(ready.check(values))


def _linked(hub: Hub, manifest: PromptManifest, depth: int) -> PromptManifest:
    def included(reference: str) -> PromptManifest:
        if depth >= _DEEPEST:
            raise UsageError(f"{reference!r} is included too deep.", remedy="Let prompts include fewer others.")
        version = hub.artifacts.resolve(f"prompt/{reference.removeprefix('prompt/')}")
        return _linked(hub, prompt_manifest(version.manifest), depth + 1)

    return link(manifest, included)


def _declared(base: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Declarations stand in a list, or by name in an object."""
    variables: Any = base.get("variables") or []
    if isinstance(variables, dict):
        named = cast("dict[str, Any]", variables)
        return [
            {"name": name, **({"type": value} if isinstance(value, str) else value or {})}
            for name, value in named.items()
        ]
    return cast("list[dict[str, Any]]", variables)


def _used(messages: Iterable[Mapping[str, Any]]) -> list[str]:
    texts = [each["content"] for each in messages if isinstance(each.get("content"), str)]
    names = dict.fromkeys(name for text in texts for name in _NAMES.findall(text))
    return [name for name in names if name not in _NOT_NAMES]


def _type(value: object) -> dict[str, str]:
    word = _TYPES.get(type(value))
    return {} if word is None else {"type": word}
