"""Tools of a Responses request in chat's words, and the names by which their calls come back.

A namespace groups tools under a name of its own; in chat its tools stand beside the others as `NAMESPACE__NAME`, and a
call of one gets both names back. Left out: the description of a namespace, the `output_schema` of a tool.
"""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import UsageError
from genaiops.dialects.responses.head import decode_with, given, starts_with
from genaiops.dialects.responses.refusals import NATIVE_REMEDY, cannot, missing, refuse_unknown

NAME_LIMIT = 64
"""Characters of a tool's name in chat."""


class _Grammar(msgspec.Struct, frozen=True):
    type: str
    definition: str | None = None
    syntax: str | None = None


class _Tool(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: Raw = Raw()
    strict: bool | None = None
    format: _Grammar | None = None
    cache_control: Raw = Raw()
    defer_loading: bool | None = None
    is_async: bool | None = msgspec.field(name="async", default=None)
    allowed_callers: list[str] | None = None
    tools: "list[_Tool] | None" = None


class _Choice(msgspec.Struct, frozen=True):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list["_Choice"] | None = None


class _Item(msgspec.Struct, frozen=True):
    type: str | None = None
    tools: Raw = Raw()


_tools = msgspec.json.Decoder(list[_Tool])
_choice = msgspec.json.Decoder(_Choice | str)
_items = msgspec.json.Decoder(list[_Item])

_OWN = frozenset({"function", "custom"})
_KNOWN: frozenset[str | None] = frozenset({*_OWN, "namespace"})


def flat_name(namespace: str | None, name: str) -> str:
    """The name in chat. One that gets too long ends with a digest of itself."""
    whole = f"{namespace}__{name}" if namespace else name
    if not namespace or len(whole) <= NAME_LIMIT:
        return whole
    return f"{whole[: NAME_LIMIT - 9]}_{digest_bytes(whole.encode())[-8:]}"


def chat_tools(value: Raw, at: str) -> list[dict[str, Any]]:
    """UsageError names the tool that chat does not have."""
    try:
        tools = decode_with(_tools, value, at)
    except UsageError:
        refuse_unknown(value, at, _KNOWN)
        raise
    found: list[dict[str, Any]] = []
    for index, tool in enumerate(tools):
        if tool.type != "namespace":
            found.append(_tool(tool, f"{at}[{index}]"))
            continue
        if tool.name is None:
            raise missing(f"{at}[{index}].name")
        found += [
            _tool(inner, f"{at}[{index}].tools[{place}]", tool.name) for place, inner in enumerate(tool.tools or ())
        ]
    return found


def _tool(tool: _Tool, at: str, namespace: str | None = None) -> dict[str, Any]:
    if tool.type not in _OWN:
        raise cannot(f"{at}.type", tool.type, f"Offer it as a function of your own, or c{NATIVE_REMEDY[1:]}")
    if tool.name is None:
        raise missing(f"{at}.name")
    if tool.defer_loading:
        raise cannot(f"{at}.defer_loading", True, "Offer the tool at once.")
    if tool.is_async:
        raise cannot(f"{at}.async", True)
    if tool.allowed_callers and set(tool.allowed_callers) != {"direct"}:
        raise cannot(f"{at}.allowed_callers", tool.allowed_callers)
    told: dict[str, Any] = {"name": flat_name(namespace, tool.name)}
    if tool.description is not None:
        told["description"] = tool.description
    if tool.type == "function":
        if given(tool.parameters):
            told["parameters"] = tool.parameters
        if tool.strict is not None:
            told["strict"] = tool.strict
    elif tool.format is not None:
        grammar = {"definition": tool.format.definition, "syntax": tool.format.syntax}
        told["format"] = {"type": "text"} if tool.format.type == "text" else {"type": "grammar", "grammar": grammar}
    found: dict[str, Any] = {"type": tool.type, tool.type: told}
    if given(tool.cache_control):
        found["cache_control"] = tool.cache_control
    return found


def chat_tool_choice(value: Raw) -> Any:
    choice = decode_with(_choice, value, "tool_choice")
    if isinstance(choice, str):
        return choice
    if choice.type == "allowed_tools":
        tools = [_named(tool, f"tool_choice.tools[{index}]") for index, tool in enumerate(choice.tools or ())]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    return _named(choice, "tool_choice")


def _named(choice: _Choice, at: str) -> dict[str, Any]:
    if choice.type not in _OWN:
        raise cannot(f"{at}.type", choice.type)
    if choice.name is None:
        raise missing(f"{at}.name")
    return {"type": choice.type, choice.type: {"name": flat_name(choice.namespace, choice.name)}}


def namespaced(tools: Raw, given_input: Raw) -> dict[str, tuple[str, str]]:
    """Chat's name -> (namespace, name), of all tools of the request that have a namespace."""
    lists = [tools] if starts_with(tools, b"[") and b"namespace" in bytes(tools) else []
    if starts_with(given_input, b"[") and b"additional_tools" in bytes(given_input):
        try:
            lists += [item.tools for item in _items.decode(given_input) if item.type == "additional_tools"]
        except msgspec.DecodeError:
            lists += []
    found: dict[str, tuple[str, str]] = {}
    for one in lists:
        try:
            spaces = [tool for tool in _tools.decode(one) if tool.type == "namespace"]
        except msgspec.DecodeError:
            continue
        for space in spaces:
            for tool in space.tools or ():
                if space.name and tool.name:
                    found[flat_name(space.name, tool.name)] = (space.name, tool.name)
    return found
