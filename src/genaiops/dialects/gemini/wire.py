"""What is read of OpenAI chat answers to say them in Google's words, and how usage and the reason to stop translate.

Google: `promptTokenCount` includes what a cache held, `candidatesTokenCount` excludes thoughts (API reference,
UsageMetadata).
"""

from typing import Any, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage

_FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}


class Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, frozen=True):
    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: Any = None


class _Url(msgspec.Struct, frozen=True):
    url: str = ""


class Picture(msgspec.Struct, frozen=True):
    image_url: _Url | None = None
    extra_content: Any = None


class ChatMessage(msgspec.Struct, frozen=True):
    """A message of an answer, or a piece of one in a stream."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    images: list[Picture] | None = None
    extra_content: Any = None

    @property
    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    logprob: float | None = None
    top_logprobs: "list[_Token] | None" = None


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[_Token] | None = None


class Choice(msgspec.Struct, frozen=True):
    index: int = 0
    message: ChatMessage | None = None
    delta: ChatMessage | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class Completion(msgspec.Struct, frozen=True):
    """A whole answer or one chunk of a stream."""

    choices: list[Choice] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None
    model: str | None = None


decode_completion = msgspec.json.Decoder(Completion)


def signature_of(extra: Any) -> str | None:
    """`google.thought_signature` of an `extra_content`."""
    google: Any = cast("dict[str, Any]", extra).get("google") if isinstance(extra, dict) else None
    found: Any = cast("dict[str, Any]", google).get("thought_signature") if isinstance(google, dict) else None
    return found if isinstance(found, str) and found else None


def finish_of(finish: str | None, *, refused: bool = False) -> str:
    """Google's reason to stop: a call of a function is no reason of its own."""
    return "SAFETY" if refused else _FINISH.get(finish or "stop", "STOP")


def call_part(call: ToolCall, arguments: str | None) -> dict[str, Any] | None:
    """The part that a function call is. None when its arguments are no JSON object. UpstreamError without a name."""
    name = call.function.name if call.function is not None else None
    if not name:
        raise UpstreamError("a tool call in its answer has no name.", code="upstream_bad_answer")
    text = (arguments or "").strip() or "{}"
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return None
    made: dict[str, Any] = {"id": call.id} if call.id else {}
    # Kept as it was written, so that numbers and the order of keys are the model's own.
    made.update(name=name, args=Raw(text.encode()))
    part: dict[str, Any] = {"functionCall": made}
    signature = signature_of(call.extra_content)
    if signature:
        part["thoughtSignature"] = signature
    return part


def picture_part(picture: Picture) -> dict[str, Any] | None:
    """A picture that a model made; None when it is not there itself but at an address."""
    url = picture.image_url.url if picture.image_url is not None else ""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    part: dict[str, Any] = {"inlineData": {"mimeType": head[5:].partition(";")[0], "data": data}}
    signature = signature_of(picture.extra_content)
    if signature:
        part["thoughtSignature"] = signature
    return part


def logprobs_of(found: _Logprobs | None) -> dict[str, Any]:
    """`logprobsResult`, where there is one."""
    if found is None or not found.content:
        return {}

    def said(token: _Token) -> dict[str, Any]:
        return {"token": token.token, "logProbability": token.logprob}

    top = [{"candidates": [said(one) for one in token.top_logprobs or ()]} for token in found.content]
    return {"logprobsResult": {"chosenCandidates": [said(token) for token in found.content], "topCandidates": top}}


def as_gemini(usage: Usage) -> dict[str, int]:
    """`usageMetadata`. What is nothing is left out, as Google does."""
    made = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_text,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cache_read:
        made["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        made["thoughtsTokenCount"] = usage.reasoning
    return made
