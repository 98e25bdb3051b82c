"""A guard policy as people edit it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from genaiops.domain import GuardPolicy
from genaiops.hub import default_text, guard_manifest, read_guard


def policy_text(policy: GuardPolicy) -> str:
    """TOML; JSON where that cannot say it (a null within a schema). The default as it came keeps its comments."""
    if policy == read_guard(default_text(), "toml").policy:
        return default_text()
    manifest = {name: value for name, value in guard_manifest(policy).items() if name != "kind"}
    text = "\n".join(_lines(manifest)) + "\n"
    if read_guard(text, "toml").policy == policy:
        return text
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode() + "\n"


def _lines(manifest: Mapping[str, Any]) -> Iterator[str]:
    tables = ("rules", "tools")
    yield from _pairs({name: value for name, value in manifest.items() if name not in tables})
    for rule in manifest.get("rules", ()):
        yield "\n[[rules]]"
        yield from _pairs(rule)
    if manifest.get("tools") is not None:
        yield "\n[tools]"
        yield from _pairs(manifest["tools"])


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_text(name)} = {_value(value)}" for name, value in table.items() if value is not None)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(cast("dict[str, Any]", value))) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in cast("list[Any]", value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value)  # numbers, true and false are the same in both


def _text(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quoted(name)


def _quoted(text: str) -> str:
    """A string of JSON is one of TOML, but for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
