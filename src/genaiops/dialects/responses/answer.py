"""A chat completion as a `response` object.

Reasoning of the chat answer becomes a reasoning item: its `summary` when the request asked for one, else its `content`.
`thinking_blocks` travel in `encrypted_content`. `store` is false: nothing is kept that could be fetched later. Sampling
parameters that the request left open are null: only the target knows its defaults.
"""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.clock import now_us
from genaiops.core.errors import UpstreamError
from genaiops.core.ids import new_id
from genaiops.dialects.responses.chat import (
    Choice,
    Completion,
    Message,
    ResponsesUsage,
    Status,
    annotations_of,
    calls_of,
    error_of,
    logprobs_of,
    outcome,
    read_chat,
    texts_of,
    usage_of,
)
from genaiops.dialects.responses.head import decode_with, given
from genaiops.dialects.responses.reasoning import Blocks, seal
from genaiops.dialects.responses.tools import namespaced

Item = dict[str, Any]

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Fields of the request that stand in every answer, and what stands there when the request left them open."""

_ECHOED_IF_GIVEN = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier")


class _Reasoning(msgspec.Struct, frozen=True):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Text(msgspec.Struct, frozen=True):
    format: Raw = Raw()
    verbosity: str | None = None


_fields = msgspec.json.Decoder(dict[str, Raw])
_reasoning = msgspec.json.Decoder(_Reasoning)
_text = msgspec.json.Decoder(_Text)


class Envelope:
    """What every state of one response says, whatever its output: its id and the request's own fields."""

    __slots__ = ("_echo", "_namespaced", "created", "id", "model", "service_tier", "summarises")

    def __init__(self, request: bytes | bytearray, response_id: str | None = None) -> None:
        fields = {name: value for name, value in decode_with(_fields, request).items() if given(value)}
        reasoning = decode_with(_reasoning, fields.get("reasoning", b"{}"), "reasoning")
        text = decode_with(_text, fields.get("text", b"{}"), "text")
        wanted = reasoning.summary or reasoning.generate_summary
        self.id = response_id or new_id("resp")
        self.created: int | None = None
        self.model: Any = fields.get("model", "")
        self.service_tier: Any = fields.get("service_tier")
        self.summarises = wanted is not None
        self._namespaced = namespaced(fields.get("tools", Raw()), fields.get("input", Raw()))
        self._echo: dict[str, Any] = {name: fields.get(name, default) for name, default in _ECHOED.items()}
        self._echo |= {name: fields[name] for name in _ECHOED_IF_GIVEN if name in fields}
        self._echo["reasoning"] = {"effort": reasoning.effort, "summary": wanted}
        verbosity = {"verbosity": text.verbosity} if text.verbosity is not None else {}
        self._echo["text"] = {"format": text.format if given(text.format) else {"type": "text"}, **verbosity}

    def learn(self, completion: Completion) -> None:
        """What the completion says of itself: when it was made, by which model, in which tier."""
        if self.created is None:
            self.created = int(completion.created or now_us() // 1_000_000)
        self.model = completion.model or self.model
        self.service_tier = completion.service_tier or self.service_tier

    def tool(self, name: str) -> dict[str, str]:
        """The name of a called tool as the request had it, with its namespace where it has one."""
        found = self._namespaced.get(name)
        return {"name": name} if found is None else {"namespace": found[0], "name": found[1]}

    def item_id(self, prefix: str, index: int) -> str:
        """An id for the item at that place of the output."""
        return f"{prefix}_{self.id.removeprefix('resp_')}{index:02x}"

    def response(
        self,
        status: Status | str,
        output: list[Item],
        *,
        usage: ResponsesUsage | None = None,
        why: str | None = None,
        error: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object as it stands. `why`: the reason of an incomplete one."""
        tier = {"service_tier": self.service_tier} if self.service_tier is not None else {}
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created if self.created is not None else now_us() // 1_000_000,
            "status": status,
            "background": False,
            "completed_at": now_us() // 1_000_000 if status == "completed" else None,
            "error": error,
            "incomplete_details": {"reason": why} if why is not None else None,
            "model": self.model,
            "output": output,
            "previous_response_id": None,
            "store": False,
            "usage": usage,
            **tier,
            **self._echo,
        }


def answer_from_chat(body: bytes, request: bytes | bytearray, *, response_id: str | None = None) -> bytes:
    """The whole answer to that Responses request. UpstreamError when the body is no completion, or an error."""
    completion = read_chat(body)
    if given(completion.error):
        raise UpstreamError(error_of(completion.error)[0], code="upstream_error_in_answer")
    choice = next((choice for choice in completion.choices or () if choice.message is not None), None)
    if choice is None or choice.message is None:
        raise UpstreamError("its answer has no choices.", code="upstream_bad_answer")
    status, why = outcome(choice.finish_reason)
    if status == "failed":
        raise UpstreamError("it stopped with an error.", code="upstream_error_in_answer")
    envelope = Envelope(request, response_id)
    envelope.learn(completion)
    output = _output(envelope, choice, choice.message)
    if status == "incomplete" and output:
        output[-1]["status"] = "incomplete"
    return msgspec.json.encode(envelope.response(status, output, usage=usage_of(completion.usage), why=why))


def _output(envelope: Envelope, choice: Choice, message: Message) -> list[Item]:
    items: list[Item] = []
    text, reasoning = texts_of(message)
    if reasoning or message.thinking_blocks:
        items.append(
            reasoning_item(
                envelope.item_id("rs", 0),
                [reasoning] if reasoning else [],
                summary=envelope.summarises,
                blocks=message.thinking_blocks or [],
            )
        )
    parts: list[Item] = []
    if text:
        parts.append(text_part(text, annotations_of(message), logprobs_of(choice)))
    if message.refusal:
        parts.append({"type": "refusal", "refusal": message.refusal})
    if parts:
        items.append(message_item(envelope.item_id("msg", len(items)), parts))
    for call in calls_of(message):
        said = call.function or call.custom
        if said is None:
            continue
        custom = call.function is None
        item_id = envelope.item_id("ctc" if custom else "fc", len(items))
        call_id = call.id or envelope.item_id("call", len(items))
        items.append(call_item(item_id, call_id, envelope.tool(said.name or ""), said.text, custom=custom))
    return items


def reasoning_item(item_id: str, texts: list[str], *, summary: bool, blocks: Blocks, status: str = "completed") -> Item:
    item: Item = {
        "id": item_id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in texts] if summary else [],
        "content": [] if summary else [{"type": "reasoning_text", "text": text} for text in texts],
        "status": status,
    }
    if blocks:
        item["encrypted_content"] = seal(blocks)
    return item


def text_part(text: str, annotations: list[Item], logprobs: list[Item]) -> Item:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def message_item(item_id: str, parts: list[Item], status: str = "completed") -> Item:
    return {"id": item_id, "type": "message", "role": "assistant", "status": status, "content": parts}


def call_item(
    item_id: str, call_id: str, names: dict[str, str], said: str, *, custom: bool = False, status: str = "completed"
) -> Item:
    """`names`: the tool's name, and its namespace where it has one."""
    kind, field = ("custom_tool_call", "input") if custom else ("function_call", "arguments")
    return {"id": item_id, "type": kind, "status": status, "call_id": call_id, **names, field: said}
