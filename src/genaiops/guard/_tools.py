"""What a model may call: which tools, with what arguments, and which of them once untrusted text is in the context.

A text that a tool or retrieval brought may hold instructions of a stranger. Whether the model follows them nobody can
tell from the text alone; that a tool which sends things out is called after such a text can be told for certain
(Debenedetti et al., 2025, arXiv 2503.18813, section 3: decide by where data comes from, not by what it says).
"""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.core.money import to_nano
from genaiops.domain import GuardRule, GuardVersion, ToolRules
from genaiops.ports.guard import SessionLimits

LISTED: Final = "tools.listed"
ARGUMENTS: Final = "tools.arguments"
UNTRUSTED: Final = "tools.untrusted"
"""The ids under which the rules for tools stand in events."""
_CALLS: Final = frozenset(
    {"tool_use", "server_tool_use", "mcp_tool_use", "function_call", "custom_tool_call", "mcp_call", "tool_call"}
)
"""Types by which objects say that they are calls of tools."""


def tool_rules(rules: ToolRules) -> tuple[GuardRule, ...]:
    """As rules of a policy, in the order of the three ids."""
    return (
        GuardRule(id=LISTED, detector="tools", direction="out", action=rules.action),
        GuardRule(id=ARGUMENTS, detector="tools", direction="out", action=rules.action),
        GuardRule(id=UNTRUSTED, detector="tools", direction="out", action=rules.untrusted),
    )


def session_limits(version: GuardVersion) -> SessionLimits | None:
    """What a policy allows in a session; None: it says nothing of sessions. Without an action (`allow`) nothing follows
    from limits."""
    rules = version.policy.tools
    if rules is None or rules.action == "allow":
        return None
    cost = None if rules.cost is None else to_nano(rules.cost, what="cost of a session")
    required = rules.session == "required"
    if rules.steps is None and rules.seconds is None and cost is None and not required:
        return None
    return SessionLimits(f"{version.name}@{version.digest}", rules.action, rules.steps, rules.seconds, cost, required)


class ToolCall(NamedTuple):
    """A call that a model makes. `arguments`: JSON, as far as it is there."""

    name: str
    arguments: str = ""


def calls_in(value: Any) -> Iterator[ToolCall]:
    """The calls that an answer, or an event of a stream, makes: in the words of every dialect, wherever they stand."""
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, list):
            todo += cast("list[Any]", one)
        elif isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            call = _call(fields)
            if call is not None:
                yield call
            else:
                todo += fields.values()


def _call(fields: dict[str, Any]) -> ToolCall | None:
    """None: the object itself is no call."""
    inner = fields.get("function", fields.get("functionCall", fields.get("function_call", fields.get("custom"))))
    if isinstance(inner, dict):
        fields = cast("dict[str, Any]", inner)
    elif fields.get("type") not in _CALLS:
        return None
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        return None
    said = next((fields[key] for key in ("arguments", "input", "args") if key in fields), "")
    return ToolCall(name, said if isinstance(said, str) else msgspec.json.encode(said).decode())


class Calling:
    """The calls of a stream, whose arguments come in pieces."""

    __slots__ = ("_arguments", "_names", "_whole")

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._arguments: dict[Any, list[str]] = {}
        self._whole: list[ToolCall] = []

    def feed(self, data: bytes) -> list[ToolCall]:
        """Calls that begin in these whole server-sent events."""
        found: list[ToolCall] = []
        for line in data.split(b"\n"):
            if line.startswith(b"data:") and (b"name" in line or b"arguments" in line or b"partial_json" in line):
                try:
                    event = msgspec.json.decode(line[5:])
                except msgspec.DecodeError:
                    continue  # `[DONE]`; what is no event at all has been refused before
                if isinstance(event, dict):
                    found += self._take(cast("dict[str, Any]", event))
        return found

    def made(self) -> list[ToolCall]:
        """All of them, when the stream has ended."""
        pieces = [ToolCall(name, "".join(self._arguments.get(key, ()))) for key, name in self._names.items()]
        return [*pieces, *self._whole]

    def _take(self, event: dict[str, Any]) -> list[ToolCall]:
        calls = list(calls_in(event))
        pieces = list(_pieces(event))
        for key, name, piece in pieces:
            if name:
                self._names.setdefault(key, name)
            self._arguments.setdefault(key, []).append(piece)
        if not pieces and event.get("type") not in ("response.output_item.added", "response.completed"):
            self._whole += calls
        return calls


def _pieces(event: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    """(call, its name where it is said, a piece of its arguments): of chat, of Messages and of Cohere. Others send the
    arguments whole."""
    kind, index = event.get("type"), event.get("index")
    for choice in _objects(event.get("choices")):
        for call in _objects(_object(choice.get("delta")).get("tool_calls")):
            inner = _object(call.get("function") or call.get("custom"))
            said = inner.get("arguments") or inner.get("input") or ""
            yield ("chat", choice.get("index"), call.get("index")), str(inner.get("name") or ""), str(said)
    if kind == "content_block_start" and _object(event.get("content_block")).get("type") in _CALLS:
        yield ("block", index), str(_object(event["content_block"]).get("name") or ""), ""
    elif kind == "content_block_delta" and "partial_json" in _object(event.get("delta")):
        yield ("block", index), "", str(event["delta"]["partial_json"])
    elif kind in ("tool-call-start", "tool-call-delta"):
        message = _object(_object(event.get("delta")).get("message"))
        inner = _object(_object(message.get("tool_calls")).get("function"))
        yield ("cohere", index), str(inner.get("name") or ""), str(inner.get("arguments") or "")


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (_object(each) for each in cast("list[Any]", value))


class ToolCheck:
    """The rules of one policy. UsageError for a schema that is none."""

    def __init__(self, rules: ToolRules) -> None:
        self._rules = rules
        self._schemas: Mapping[str, Callable[[Any], str | None]] = {
            name: _validator(msgspec.json.encode(schema)) for name, schema in rules.schemas.items()
        }
        self.needs_arguments = bool(rules.schemas)
        """The arguments have to be there as a whole before a call may go out."""

    def allows(self, name: str) -> bool:
        rules = self._rules
        if any(fnmatchcase(name, each) for each in rules.denied):
            return False
        return rules.allowed is None or any(fnmatchcase(name, each) for each in rules.allowed)

    def sends(self, name: str) -> bool:
        """Whether it brings things out."""
        return any(fnmatchcase(name, each) for each in self._rules.sends)

    def wrong(self, name: str, arguments: str) -> str | None:
        """Why its arguments (JSON) are not what they must be; None: they are."""
        check = self._schemas.get(name)
        if check is None:
            return None
        try:
            value = msgspec.json.decode(arguments or "{}")
        except msgspec.DecodeError:
            return "they are no JSON"
        return check(value)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Callable[[Any], str | None]:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    document = msgspec.json.decode(schema)
    kind = validator_for(document, default=Draft202012Validator)
    try:
        kind.check_schema(document)
    except SchemaError as error:
        raise UsageError(f"A schema of a tool is not right: {error.message}.", param="tools.schemas") from error
    validator = kind(document)

    def check(value: Any) -> str | None:
        error = next(iter(validator.iter_errors(value)), None)
        return None if error is None else f"{error.json_path}: {error.message}"[:300]

    return check
