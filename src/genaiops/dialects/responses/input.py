"""The input of a Responses request as chat messages.

Items that belong to one turn of the model (reasoning, message, calls) become one assistant message, so that a history
has the turns it had. Instructions and the system or developer messages that begin the input become one system message:
many servers take no second one. Left out, as chat has no word for them: ids and states of items, annotations and log
probabilities of former answers, `phase`, the `detail` of files, reasoning that only its maker can decrypt.
"""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError
from genaiops.dialects.responses.head import decode_with, given, starts_with
from genaiops.dialects.responses.reasoning import unseal
from genaiops.dialects.responses.refusals import NATIVE_REMEDY, cannot, missing, refuse_unknown
from genaiops.dialects.responses.tools import chat_tools, flat_name

Message = dict[str, Any]
WHOLE_REMEDY = "The gateway keeps no responses: send the whole conversation in `input`, as with store=false."


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: Raw = Raw()
    prompt_cache_breakpoint: Raw = Raw()
    cache_control: Raw = Raw()


class _Item(msgspec.Struct, frozen=True):
    type: str | None = None
    role: str | None = None
    content: str | list[_Part] | None = None
    summary: list[_Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[_Part] | None = None
    tools: Raw = Raw()


_items = msgspec.json.Decoder(list[_Item])
_text = msgspec.json.Decoder(str)

_ITEMS = frozenset(
    {
        None,
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "additional_tools",
    }
)
_ROLES = frozenset({"user", "assistant", "system", "developer"})
_TEXTS = frozenset({"input_text", "output_text", "text"})


def chat_messages(
    instructions: str | None, given_input: Raw, reasoning_field: str | None
) -> tuple[list[Message], list[Message]]:
    """The messages of the request, and the tools that its input adds. `reasoning_field`: under which name the target
    takes former reasoning back (None: it takes none). UsageError names the item that chat cannot say."""
    turns = _Turns(reasoning_field)
    if instructions is not None:
        turns.lead(instructions)
    if starts_with(given_input, b"["):
        try:
            items = decode_with(_items, given_input, "input")
        except UsageError:
            refuse_unknown(given_input, "input", _ITEMS)
            raise
        for index, item in enumerate(items):
            turns.add(item, f"input[{index}]")
    else:
        turns.say({"role": "user", "content": decode_with(_text, given_input, "input")})
    return turns.end(), turns.tools


class _Turns:
    """Messages in the making. `_open` is the model's turn that items still belong to."""

    def __init__(self, reasoning_field: str | None) -> None:
        self._reasoning_field = reasoning_field
        self.tools: list[Message] = []
        self._messages: list[Message] = []
        self._leading: list[Any] | None = []
        self._open: Message | None = None

    def lead(self, content: Any) -> None:
        """What stands before the conversation."""
        if self._leading is None:
            self._close()
            self._messages.append({"role": "system", "content": content})
        else:
            self._leading.append(content)

    def say(self, message: Message) -> None:
        self._close()
        self._messages.append(message)

    def end(self) -> list[Message]:
        self._close()
        return self._messages

    def add(self, item: _Item, at: str) -> None:
        kind = item.type
        if kind not in _ITEMS:
            raise cannot(f"{at}.type", kind, WHOLE_REMEDY if kind == "item_reference" else NATIVE_REMEDY)
        if kind == "reasoning":
            self._reason(item, at)
        elif kind in {"function_call", "custom_tool_call"}:
            self._call(item, at)
        elif kind in {"function_call_output", "custom_tool_call_output"}:
            self._result(item, at)
        elif kind == "additional_tools":
            if not given(item.tools):
                raise missing(f"{at}.tools")
            self.tools += chat_tools(item.tools, f"{at}.tools")
        elif item.role is None and item.content is None and kind is None:
            raise cannot(at, "a reference to an item", WHOLE_REMEDY)
        elif item.role not in _ROLES:
            raise cannot(f"{at}.role", item.role, f"Known are: {', '.join(sorted(_ROLES))}.")
        elif item.content is None:
            raise missing(f"{at}.content")
        elif item.role == "assistant":
            self._answered(item.content, f"{at}.content")
        elif item.role == "user":
            self.say({"role": "user", "content": _content(item.content, f"{at}.content")})
        else:
            self.lead(_content(item.content, f"{at}.content"))

    def _close(self) -> None:
        if self._leading is not None:
            leading, self._leading = self._leading, None
            if leading:
                self._messages.append({"role": "system", "content": _joined(leading)})
        if self._open is not None:
            message, self._open = self._open, None
            if not message.keys().isdisjoint(("tool_calls", "refusal")):
                message.setdefault("content", None)
            self._messages.append({"role": "assistant", "content": message.pop("content", ""), **message})

    def _turn(self, *, begins: bool) -> Message:
        """The model's turn at hand; a new one when there is none, or when this item begins the next (a turn with calls
        goes on until their results come: nothing may stand between them)."""
        if self._open is not None and begins and "tool_calls" not in self._open:
            self._close()
        if self._open is None:
            self._close()
            self._open = {}
        return self._open

    def _reason(self, item: _Item, at: str) -> None:
        parts = item.content if isinstance(item.content, list) and item.content else item.summary or []
        text = "\n\n".join(part.text for part in parts if part.text)
        blocks = unseal(item.encrypted_content, f"{at}.encrypted_content") if item.encrypted_content else None
        if self._reasoning_field is None or not (text or blocks):
            return
        turn = self._turn(begins=self._open is not None and "content" in self._open)
        if text:
            former = turn.get(self._reasoning_field)
            turn[self._reasoning_field] = f"{former}\n\n{text}" if former else text
        if blocks:
            turn["thinking_blocks"] = [*turn.get("thinking_blocks", ()), *blocks]

    def _answered(self, content: str | list[_Part], at: str) -> None:
        turn = self._turn(begins=self._open is not None and "content" in self._open)
        if not isinstance(content, str):
            refusals = [part.refusal or "" for part in content if part.type == "refusal"]
            if refusals:
                turn["refusal"] = "".join(refusals)
            parts = [part for part in content if part.type != "refusal"]
            if not parts and refusals:
                return
            for index, part in enumerate(content):
                if part.type not in _TEXTS and part.type != "refusal":
                    raise cannot(f"{at}[{index}].type", part.type)
            content = _content(parts, at) if parts else ""
        turn["content"] = _joined([turn["content"], content]) if turn.get("content") else content

    def _call(self, item: _Item, at: str) -> None:
        custom = item.type == "custom_tool_call"
        said = item.input if custom else item.arguments
        for name, value in (
            ("call_id", item.call_id),
            ("name", item.name),
            ("input" if custom else "arguments", said),
        ):
            if value is None:
                raise missing(f"{at}.{name}")
        what = {"name": flat_name(item.namespace, item.name or ""), "input" if custom else "arguments": said}
        kind = "custom" if custom else "function"
        calls = self._turn(begins=False).setdefault("tool_calls", [])
        calls.append({"id": item.call_id, "type": kind, kind: what})

    def _result(self, item: _Item, at: str) -> None:
        if item.call_id is None:
            raise missing(f"{at}.call_id")
        if item.output is None:
            raise missing(f"{at}.output")
        content = _content(item.output, f"{at}.output")
        self.say({"role": "tool", "tool_call_id": item.call_id, "content": content})


def _joined(contents: list[Any]) -> Any:
    """Several contents as one: text when all are, else parts."""
    if len(contents) == 1:
        return contents[0]
    if all(isinstance(content, str) for content in contents):
        return "\n\n".join(contents)
    parts: list[Any] = []
    for content in contents:
        parts += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return parts


def _content(content: str | list[_Part], at: str) -> Any:
    """The content of a message. A single text without marks is plain text."""
    if isinstance(content, str):
        return content
    parts = [_part(part, f"{at}[{index}]") for index, part in enumerate(content)]
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return parts[0]["text"]
    return parts


def _part(part: _Part, at: str) -> dict[str, Any]:
    kind = part.type
    if kind in _TEXTS:
        if part.text is None:
            raise missing(f"{at}.text")
        found: dict[str, Any] = {"type": "text", "text": part.text}
    elif kind == "input_image":
        if part.image_url is None:
            raise cannot(f"{at}.file_id", part.file_id, "Send the image in `image_url`, as an URL or a data URL.")
        image = {"url": part.image_url}
        if part.detail is not None:
            image["detail"] = part.detail
        found = {"type": "image_url", "image_url": image}
    elif kind == "input_file":
        if part.file_url is not None:
            raise cannot(f"{at}.file_url", part.file_url, "Send the file itself in `file_data`, as a data URL.")
        if part.file_data is None and part.file_id is None:
            raise missing(f"{at}.file_data")
        file = {"filename": part.filename, "file_data": part.file_data, "file_id": part.file_id}
        found = {"type": "file", "file": {name: value for name, value in file.items() if value is not None}}
    elif kind == "input_audio" and given(part.input_audio):
        found = {"type": "input_audio", "input_audio": part.input_audio}
    else:
        raise cannot(f"{at}.type", kind)
    if given(part.prompt_cache_breakpoint):
        found["prompt_cache_breakpoint"] = part.prompt_cache_breakpoint
    if given(part.cache_control):
        found["cache_control"] = part.cache_control
    return found
