"""A chat body in OpenAI's words, read for a provider that speaks others: every field is taken, or refused by name.

Source of the format: OpenAI's API reference, "Create chat completion".
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError
from genaiops.ports.providers import CallBody

T = TypeVar("T")

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_any = msgspec.json.Decoder().decode

FLOAT = msgspec.json.Decoder(float)
INT = msgspec.json.Decoder(int)
BOOL = msgspec.json.Decoder(bool)
TEXT = msgspec.json.Decoder(str)
TEXTS = msgspec.json.Decoder(str | list[str])
LIST = msgspec.json.Decoder(list[str])
OBJECT = msgspec.json.Decoder(dict[str, Any])

_HINTS = (
    "cache_control",
    "genaiops",
    "metadata",
    "model",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "stream",
    "stream_options",
    "user",
)
"""Top-level fields that ask nothing of the model: ours, bookkeeping, and hints to caches and monitors of others."""

_DEFAULTS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("n", (1,)),
    ("store", (False,)),
    ("logprobs", (False,)),
    ("top_logprobs", (0,)),
    ("logit_bias", ({},)),
    ("parallel_tool_calls", (True,)),
    ("service_tier", ("auto", "default")),
    ("verbosity", ("medium",)),
    ("modalities", (["text"],)),
    ("frequency_penalty", (0,)),
    ("presence_penalty", (0,)),
    ("tools", ([],)),
)
"""Values that say what would happen anyway."""


class CallFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str = "{}"


class ToolCall(msgspec.Struct, frozen=True):
    """`extra_content` carries what the provider wants back with the call (Google's `thought_signature`)."""

    function: CallFunction
    id: str = ""
    type: str = "function"
    index: int | None = None
    extra_content: dict[str, Any] | None = None


class ImageUrl(msgspec.Struct, frozen=True):
    """`format`: the media type, for a URL whose name does not tell it (an extension that other gateways have too)."""

    url: str
    detail: str | None = None
    format: str | None = None


class InputAudio(msgspec.Struct, frozen=True):
    data: str
    format: str


class File(msgspec.Struct, frozen=True):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None
    format: str | None = None


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content; `type` says which of the others is set."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None
    video_url: ImageUrl | str | None = None
    input_audio: InputAudio | None = None
    file: File | None = None
    extra_content: dict[str, Any] | None = None


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message of any role. `audio`, `annotations`, `cache_control`, `thinking_blocks` (Anthropic's signed thoughts)
    and `reasoning_details` are left behind: they say nothing to a model that did not make them. `tool_plan` and
    `citations` are Cohere's, `prefix` is Mistral's, `images` are pictures that a model made."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    extra_content: dict[str, Any] | None = None
    tool_plan: str | None = None
    citations: list[Any] | None = None
    prefix: bool | None = None
    function_call: CallFunction | None = None
    audio: Any = None
    annotations: Any = None
    cache_control: Any = None
    thinking_blocks: Any = None
    reasoning_details: Any = None
    images: list[Part] | None = None

    @property
    def thought(self) -> str | None:
        return self.reasoning_content or self.reasoning

    def parts(self) -> list[Part]:
        if isinstance(self.content, list):
            return self.content
        return [Part("text", self.content)] if self.content else []

    def calls(self) -> list[ToolCall]:
        """Tool calls, the ones of the retired `function_call` as well."""
        if self.function_call is not None:
            return [*(self.tool_calls or ()), ToolCall(self.function_call, id=self.function_call.name)]
        return self.tool_calls or []


class ToolFunction(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True):
    type: str
    function: ToolFunction | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """What the model must do: `mode` is auto, none or required; `names` are the only functions it may call."""

    mode: str
    names: tuple[str, ...] = ()


class JsonFormat(msgspec.Struct, frozen=True):
    """`schema` is None for JSON of any shape."""

    schema: dict[str, Any] | None = None
    name: str = "answer"


class _Named(msgspec.Struct, frozen=True):
    name: str


class _AllowedTool(msgspec.Struct, frozen=True):
    function: _Named


class _Allowed(msgspec.Struct, frozen=True):
    mode: str = "auto"
    tools: list[_AllowedTool] = []


class _Choice(msgspec.Struct, frozen=True):
    type: str
    function: _Named | None = None
    allowed_tools: _Allowed | None = None


class _JsonSchema(msgspec.Struct, frozen=True):
    name: str = "answer"
    schema: dict[str, Any] | None = None


class _Format(msgspec.Struct, frozen=True):
    type: str
    json_schema: _JsonSchema | None = None


MESSAGES = msgspec.json.Decoder(list[Message])
TOOLS = msgspec.json.Decoder(list[Tool])
_CHOICE = msgspec.json.Decoder(str | _Choice)
_FORMAT = msgspec.json.Decoder(_Format)


class Fields:
    """The top-level fields of one body. A provider takes what it can translate; `done` refuses what is left, unless it
    is null, a hint, or says what would happen anyway. Every UsageError names the provider and the field."""

    def __init__(self, call: CallBody, provider: str) -> None:
        try:
            given = _fields(call.raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"The body is not a JSON object: {error}.", code="invalid_json") from None
        self._given = {name: raw for name, raw in given.items() if bytes(memoryview(raw)[:4]) != b"null"}
        self.provider = provider

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        raw = self._given.pop(name, None)
        if raw is None:
            return None
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            sentence, _, where = str(error).partition(" - at `$")
            param = name + where.rstrip("`")
            raise UsageError(
                f"The body is not right: {param!r}: {sentence}.",
                remedy=f"The provider {self.provider} cannot take it like this.",
                code="invalid_value",
                param=param,
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"The body is not JSON: {error}.", code="invalid_json", param=name) from None

    def copy(self, *names: str) -> dict[str, Raw]:
        """Those of the fields that are there, as they came."""
        return {name: self._given.pop(name) for name in names if name in self._given}

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        found = self.take(name, decoder)
        if found is None:
            raise UsageError(f"The body has no {name!r}.", code="invalid_value", param=name)
        return found

    def messages(self) -> list[Message]:
        return self.need("messages", MESSAGES)

    def stop(self) -> list[str]:
        found = self.take("stop", TEXTS)
        return [found] if isinstance(found, str) else found or []

    def tools(self) -> list[ToolFunction]:
        found: list[ToolFunction] = []
        for at, tool in enumerate(self.take("tools", TOOLS) or ()):
            if tool.type != "function" or tool.function is None:
                raise self.refuse(f"tools[{at}].type", f"tools of the type {tool.type!r}")
            found.append(tool.function)
        return found

    def tooling(self) -> tuple[list[ToolFunction], ToolChoice | None]:
        """The functions, and which of them must be called. A choice without a function to choose is refused."""
        tools = self.tools()
        choice = self._choice()
        if choice is None:
            return tools, None
        known = {tool.name for tool in tools}
        missing = [name for name in choice.names if name not in known]
        if missing:
            raise self.refuse("tool_choice", f"a choice of the tool {missing[0]!r}, which is not among the tools")
        if choice.mode == "required" and not tools:
            raise self.refuse("tool_choice", "a choice of tools where there are none")
        return tools, choice

    def _choice(self) -> ToolChoice | None:
        found = self.take("tool_choice", _CHOICE)
        if found is None:
            return None
        if isinstance(found, str):
            return ToolChoice(self._mode(found))
        if found.type == "function" and found.function is not None:
            return ToolChoice("required", (found.function.name,))
        if found.type == "allowed_tools" and found.allowed_tools is not None:
            allowed = found.allowed_tools
            return ToolChoice(self._mode(allowed.mode), tuple(tool.function.name for tool in allowed.tools))
        raise self.refuse("tool_choice.type", f"the tool choice {found.type!r}")

    def _mode(self, mode: str) -> str:
        if mode == "any":
            return "required"
        if mode not in ("auto", "none", "required"):
            raise self.refuse("tool_choice", f"the tool choice {mode!r}")
        return mode

    def response_format(self) -> JsonFormat | None:
        """None for text."""
        found = self.take("response_format", _FORMAT)
        if found is None or found.type == "text":
            return None
        if found.type == "json_object":
            return JsonFormat()
        if found.type == "json_schema" and found.json_schema is not None:
            return JsonFormat(found.json_schema.schema or {}, found.json_schema.name)
        raise self.refuse("response_format.type", f"the response format {found.type!r}")

    def refuse(self, param: str, what: str) -> UsageError:
        return UsageError(
            f"The provider {self.provider} cannot take {what}.",
            remedy="Leave it out, or call a model of another provider.",
            code="unsupported_by_provider",
            param=param,
        )

    def done(self) -> None:
        """UsageError when a field is left that would have changed the answer."""
        left = self._given
        for name in _HINTS:
            left.pop(name, None)
        for name, values in _DEFAULTS:
            if name in left and _any(left[name]) in values:
                del left[name]
        if left:
            names = sorted(left)
            quoted = ", ".join(repr(name) for name in names)
            raise self.refuse(names[0], f"the field {quoted}" if len(names) == 1 else f"the fields {quoted}")


def encode_body(made: dict[str, Any]) -> bytes:
    """The body as it goes out. UsageError when it is nested too deeply."""
    try:
        return msgspec.json.encode(made)
    except RecursionError:
        raise UsageError("The body is nested too deeply.", code="invalid_json") from None


def plain_text(fields: Fields, message: Message, at: int) -> str:
    """The text of a message that may hold nothing else."""
    if message.images:
        raise fields.refuse(f"messages[{at}].images", f"images in a {message.role} message")
    texts: list[str] = []
    for number, part in enumerate(message.parts()):
        text = part.text if part.type == "text" else part.refusal if part.type == "refusal" else None
        if text is None:
            raise fields.refuse(
                f"messages[{at}].content[{number}]", f"a part of the type {part.type!r} in a {message.role} message"
            )
        texts.append(text)
    return "\n".join(texts)


def chosen(tools: Sequence[ToolFunction], choice: ToolChoice | None) -> list[ToolFunction]:
    """The tools that may be called: all, or those that the choice names."""
    if choice is None or not choice.names:
        return list(tools)
    return [tool for tool in tools if tool.name in choice.names]


def url_of(found: ImageUrl | str) -> ImageUrl:
    return ImageUrl(found) if isinstance(found, str) else found


def arguments_of(call: ToolCall, param: str) -> dict[str, Any]:
    """A call's arguments as an object. UsageError when they are none."""
    text = call.function.arguments.strip()
    try:
        found: Any = _any(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"The arguments of the tool call {call.function.name!r} are no JSON object.",
            code="invalid_value",
            param=param,
        )
    return cast("dict[str, Any]", found)
