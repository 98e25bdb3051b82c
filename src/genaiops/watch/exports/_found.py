"""What an export held, in our words, and what of it has no counterpart."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

Record = dict[str, Any]

LONGEST_LABEL = 200
"""Characters of a score that is a text: what `/api/scores` takes."""


class ForeignPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt. `number` orders the versions of a name; `aliases` name this one."""

    name: str
    number: int
    manifest: Record
    aliases: tuple[str, ...] = ()
    title: str = ""


class Found(msgspec.Struct):
    """`spans` are OTLP's JSON, `scores` bodies of `/api/scores`. `counts` says what was read; `lost` why something of
    it was not taken over, `changed` what means something else here: text -> how often."""

    spans: list[Record] = []
    scores: list[Record] = []
    prompts: list[ForeignPrompt] = []
    counts: dict[str, int] = {}
    lost: dict[str, int] = {}
    changed: dict[str, int] = {}

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def lose(self, why: str, times: int = 1) -> None:
        self.lost[why] = self.lost.get(why, 0) + times

    def change(self, how: str) -> None:
        self.changed[how] = self.changed.get(how, 0) + 1


class Step(msgspec.Struct, kw_only=True):
    """A span on its way: ids in hexadecimal, times in nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str
    start_ns: int
    end_ns: int
    attributes: Record
    error: str | None = None
    failed: bool = False
    events: tuple[Record, ...] = ()

    def otlp(self) -> Record:
        return {
            "traceId": self.trace_id,
            "spanId": self.span_id,
            "parentSpanId": self.parent_id,
            "name": self.name,
            "kind": 1,
            "startTimeUnixNano": str(self.start_ns),
            "endTimeUnixNano": str(max(self.start_ns, self.end_ns)),
            "attributes": _attributes(self.attributes),
            "events": [{**each, "attributes": _attributes(each["attributes"])} for each in self.events],
            "status": {"code": 2, "message": self.error or ""} if self.failed else {},
        }


def _attributes(given: Record) -> list[Record]:
    return [{"key": name, "value": _value(value)} for name, value in given.items() if value is not None]


def _value(value: Any) -> Record:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -(1 << 63) <= value < 1 << 63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": text_of(value)}


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def loaded(value: Any) -> Any:
    """What a text of JSON holds; every other value as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "[", '"'):
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def object_of(value: Any) -> Record:
    given = loaded(value)
    return cast("Record", given) if isinstance(given, dict) else {}


def objects_of(value: Any) -> list[Record]:
    given = loaded(value)
    return (
        [cast("Record", one) for one in cast("list[Any]", given) if isinstance(one, dict)]
        if isinstance(given, list)
        else []
    )


_HEX = re.compile(r"[0-9a-f]+")


def id_of(text: str, digits: int) -> str:
    """The id itself where it has that many hexadecimal digits (UUIDs: 32), else one made of it, always the same."""
    plain = text.replace("-", "").lower()
    if len(plain) == digits and _HEX.fullmatch(plain) and set(plain) != {"0"}:
        return plain
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:digits]


def nanoseconds(value: Any) -> int | None:
    """Of ISO 8601 (without a zone: UTC), or of milliseconds since the epoch; None when it is no time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * 1_000_000) if 0 < value < 1e14 else None
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value.strip().replace(" UTC", "+00:00"))
    except ValueError:
        return None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    whole = int(found.replace(microsecond=0).timestamp())
    return (whole * 1_000_000 + found.microsecond) * 1000 if whole > 0 else None


def number_of(value: Any) -> float | None:
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < 1e15 else None


def whole_of(value: Any) -> int | None:
    """Exact where it is written as a whole number: nanoseconds do not fit a float."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 1 << 63 else None
    found = number_of(value)
    return None if found is None else int(found)


_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}")
_OTHER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAME = re.compile(r"[^a-z0-9._/-]+")


def prompt_name(text: str) -> str:
    """A name that the Hub takes."""
    return _NAME.sub("-", text.lower()).strip("._/-")[:128].strip("._/-") or "prompt"


def template(text: str, found: Found) -> tuple[str, set[str]]:
    """The text with its variables as ours are written, and their names."""
    names = set(_VARIABLE.findall(text))
    for other in _OTHER.findall(text):
        if not _VARIABLE.fullmatch(other):
            found.lose("a placeholder in double braces that is no name: written without the braces")
            text = text.replace(other, other.strip("{} "))
    return _VARIABLE.sub(r"{{\1}}", text), names


def prompt_manifest(messages: Sequence[Mapping[str, Any]], found: Found) -> Record:
    """Messages of role and text, with their variables declared."""
    made: list[Record] = []
    names: set[str] = set()
    for message in messages:
        role = str(message.get("role") or "user")
        if role not in ("system", "developer", "user", "assistant"):
            found.change(f"a message of the role {role[:40]!r} became one of the user")
            role = "user"
        text, used = template(text_of(message.get("content") or ""), found)
        made.append({"role": role, "content": text})
        names |= used
    return {"messages": made, "variables": {name: {"type": "string"} for name in sorted(names)}}


PARAMETERS = frozenset(
    [
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "n",
        "logit_bias",
        "reasoning_effort",
        "verbosity",
        "tool_choice",
        "parallel_tool_calls",
        "top_k",
    ]
)


def configured(manifest: Record, config: Record, found: Found) -> Record:
    """The manifest with what a configuration beside it says of the call."""
    made = dict(manifest)
    parameters = {name: value for name, value in config.items() if name in PARAMETERS and value is not None}
    if parameters:
        made["parameters"] = parameters
    for name, own in (("model", "model"), ("model_name", "model"), ("response_format", "response_format")):
        if config.get(name):
            made[own] = config[name]
    if isinstance(config.get("tools"), list):
        made["tools"] = config["tools"]
    known = PARAMETERS | {"model", "model_name", "response_format", "tools", "provider"}
    for name in sorted(config.keys() - known):
        found.lose(f"the setting {name[:40]!r} of a prompt")
    return made


def messages_of(value: Any) -> list[Record] | None:
    """Messages of a conversation, wherever an input or output holds them; None: it is none."""
    given = loaded(value)
    if isinstance(given, dict):
        fields = cast("Record", given)
        if "role" in fields and "content" in fields:
            return [fields]
        choices = objects_of(fields.get("choices"))
        if choices and isinstance(choices[0].get("message"), dict):
            return [object_of(choices[0]["message"])]
        return messages_of(fields["messages"]) if "messages" in fields else None
    if isinstance(given, list):
        found = objects_of(given)
        return found if found and all("role" in one for one in found) else None
    return None
