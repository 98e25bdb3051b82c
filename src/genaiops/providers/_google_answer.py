"""What Google's `generateContent` and `streamGenerateContent` answer, in OpenAI's words.

Source: Google's API reference (GenerateContentResponse, Candidate, UsageMetadata, FinishReason).
"""

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers._chat_answer import (
    ChunkStream,
    Said,
    completion,
    read_upstream,
    tool_call,
)

Tokens = Annotated[int, Meta(ge=0)]

FILTERED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "MODEL_ARMOR",
    }
)
FAILED = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
"""Reasons that say there is no answer to be had, though the status is 200."""


class _FunctionCall(msgspec.Struct, frozen=True):
    name: str = ""
    args: Raw = Raw(b"{}")
    id: str | None = None


class _Blob(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    data: str = ""


class _Code(msgspec.Struct, frozen=True):
    code: str = ""
    output: str = ""


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: _FunctionCall | None = None
    inline_data: _Blob | None = None
    executable_code: _Code | None = None
    code_execution_result: _Code | None = None


class _Content(msgspec.Struct, frozen=True):
    parts: list[_Part] = []


class _Token(msgspec.Struct, frozen=True, rename="camel"):
    token: str = ""
    log_probability: float | None = None


class _Top(msgspec.Struct, frozen=True):
    candidates: list[_Token] = []


class _Logprobs(msgspec.Struct, frozen=True, rename="camel"):
    chosen_candidates: list[_Token] = []
    top_candidates: list[_Top] = []


class Candidate(msgspec.Struct, frozen=True, rename="camel"):
    content: _Content = _Content()
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int = 0
    logprobs_result: _Logprobs | None = None
    safety_ratings: Raw = Raw()
    citation_metadata: Raw = Raw()
    grounding_metadata: Raw = Raw()
    url_context_metadata: Raw = Raw()


class _Feedback(msgspec.Struct, frozen=True, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class _Usage(msgspec.Struct, frozen=True, rename="camel"):
    prompt_token_count: Tokens = 0
    candidates_token_count: Tokens = 0
    cached_content_token_count: Tokens = 0
    thoughts_token_count: Tokens = 0
    tool_use_prompt_token_count: Tokens = 0


class GoogleError(msgspec.Struct, frozen=True):
    message: str = ""
    status: str = ""


class Response(msgspec.Struct, frozen=True, rename="camel"):
    candidates: list[Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: Raw = Raw()
    model_version: str | None = None
    response_id: str | None = None
    error: GoogleError | None = None


decode_response = msgspec.json.Decoder(Response)
_usage = msgspec.json.Decoder(_Usage)


def usage_of(raw: Raw) -> Usage | None:
    """`promptTokenCount` includes what came from a cache, not what tools brought in; `candidatesTokenCount` does not
    include thoughts. None when there is none, or one that cannot be."""
    if bytes(memoryview(raw)[:4]) in (b"", b"null"):
        return None
    try:
        found = _usage.decode(raw)
    except msgspec.DecodeError:
        return None
    cached = min(found.cached_content_token_count, found.prompt_token_count)
    asked = found.prompt_token_count + found.tool_use_prompt_token_count - cached
    return Usage(asked, cached, 0, found.candidates_token_count, found.thoughts_token_count)


def finish_of(candidate: Candidate, *, called: bool) -> str | None:
    reason = candidate.finish_reason
    if reason in (None, "", "FINISH_REASON_UNSPECIFIED"):
        return None
    if reason in FAILED:
        raise _failed(candidate)
    if reason in ("MAX_TOKENS", "CONTINUATION"):
        return "length"
    if reason in FILTERED:
        return "content_filter"
    return "tool_calls" if called else "stop"


def _failed(candidate: Candidate) -> UpstreamError:
    why = f": {candidate.finish_message}" if candidate.finish_message else ""
    return UpstreamError(f"it gave up with {candidate.finish_reason}{why}.", code="upstream_generation_failed")


def told(found: GoogleError) -> str:
    return found.message or found.status or "the answer is an error."


def _extra(candidate: Candidate, signature: str | None) -> dict[str, Any]:
    """What Google says beside the text, as it says it: `extra_content.google` of a message."""
    google: dict[str, Any] = {}
    if signature:
        google["thought_signature"] = signature
    if candidate.finish_reason in FILTERED:
        google["finish_reason"] = candidate.finish_reason
        if _said_so(candidate.safety_ratings):
            google["safety_ratings"] = candidate.safety_ratings
    beside = {
        "citation_metadata": candidate.citation_metadata,
        "grounding_metadata": candidate.grounding_metadata,
        "url_context_metadata": candidate.url_context_metadata,
    }
    google.update((name, raw) for name, raw in beside.items() if _said_so(raw))
    return {"extra_content": {"google": google}} if google else {}


def _said_so(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) not in (b"", b"null", b"{}")


def _blocked(feedback: _Feedback) -> dict[str, Any]:
    google = {"block_reason": feedback.block_reason}
    if feedback.block_reason_message:
        google["block_reason_message"] = feedback.block_reason_message
    return {"extra_content": {"google": google}}


def shown(part: _Part) -> str | None:
    """Text of a part that is neither a call nor a picture; code that Google ran is text."""
    if part.executable_code is not None:
        return f"\n```\n{part.executable_code.code}\n```\n"
    if part.code_execution_result is not None:
        return f"\n```\n{part.code_execution_result.output}\n```\n"
    return part.text


def _picture(part: _Part, number: int) -> dict[str, Any] | None:
    """A picture as other gateways have it in `images` of a message."""
    blob = part.inline_data
    if blob is None or part.thought:
        return None
    url = f"data:{blob.mime_type};base64,{blob.data}"
    made: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}, "index": number}
    if part.thought_signature:
        made["extra_content"] = {"google": {"thought_signature": part.thought_signature}}
    return made


def _called(part: _Part) -> dict[str, Any] | None:
    call = part.function_call
    if call is None:
        return None
    extra = {"google": {"thought_signature": part.thought_signature}} if part.thought_signature else None
    arguments = bytes(call.args).decode("utf-8", "replace") if _said_so(call.args) else "{}"
    return tool_call(call.id, call.name, arguments, extra=extra)


def _logprobs(found: _Logprobs | None) -> dict[str, Any] | None:
    if found is None:
        return None

    def entry(token: _Token) -> dict[str, Any]:
        known = token.log_probability
        return {
            "token": token.token,
            "logprob": known if known is not None and math.isfinite(known) else -9999.0,
            "bytes": list(token.token.encode()),
        }

    content: list[dict[str, Any]] = []
    for at, token in enumerate(found.chosen_candidates):
        top = found.top_candidates[at].candidates if at < len(found.top_candidates) else []
        content.append({**entry(token), "top_logprobs": [entry(one) for one in top]})
    return {"content": content, "refusal": None}


def read_chat(body: bytes, model: str) -> Answer:
    found = read_upstream(decode_response, body, "its answer")
    if found.error is not None:
        raise UpstreamError(told(found.error), code="upstream_error_in_answer")
    choices = [_said(candidate) for candidate in found.candidates or ()]
    feedback = found.prompt_feedback
    if not choices:
        if feedback is None or not feedback.block_reason:
            raise UpstreamError("its answer has no candidates.", code="upstream_bad_answer")
        choices = [Said(finish="content_filter", extra=_blocked(feedback))]
    usage = usage_of(found.usage_metadata)
    return completion(choices, usage, answer_id=found.response_id, model=found.model_version or model)


def _said(candidate: Candidate) -> Said:
    said = Said()
    pictures: list[dict[str, Any]] = []
    signature: str | None = None
    for part in candidate.content.parts:
        call = _called(part)
        if call is not None:
            said.calls.append(call)
            continue
        picture = _picture(part, len(pictures))
        if picture is not None:
            pictures.append(picture)
            continue
        signature = part.thought_signature or signature
        text = shown(part)
        if text:
            (said.thoughts if part.thought else said.texts).append(text)
    said.finish = finish_of(candidate, called=bool(said.calls)) or "stop"
    said.extra = _extra(candidate, signature)
    if pictures:
        said.extra["images"] = pictures
    said.logprobs = _logprobs(candidate.logprobs_result)
    return said


class _Count(msgspec.Struct, frozen=True):
    n: int | None = None


_count = msgspec.json.Decoder(_Count)


class GoogleStream(ChunkStream):
    """Each event is a whole response with what is new in it. A candidate ends with its finish reason; when all have
    one and usage is told, the answer is whole (no event says so)."""

    def __init__(self, call: CallBody) -> None:
        super().__init__(call)
        self._open = _count.decode(call.raw).n or 1
        self._calls: dict[int, int] = {}
        self._pictures = 0
        self._ended: set[int] = set()

    def event(self, data: bytes) -> None:
        found = read_upstream(decode_response, data, "its stream")
        if found.error is not None:
            self.fail(told(found.error), found.error.status or "upstream_error")
            return
        self.answer_id = self.answer_id or found.response_id
        self.model = self.model or found.model_version
        self.usage = usage_of(found.usage_metadata) or self.usage
        feedback = found.prompt_feedback
        if feedback is not None and feedback.block_reason and not found.candidates:
            self.say(_blocked(feedback), finish="content_filter")
            self.close()
            return
        for candidate in found.candidates or ():
            if not self._candidate(candidate):
                return
        if len(self._ended) >= self._open and self.usage is not None:
            self.close()

    def finish(self) -> Answer:
        """Usage of a stream that was cut off counts only if it knows of the output: early events tell only the
        input."""
        answer = super().finish()
        partial = self.usage is not None and not self.usage.output_text and len(self._ended) < self._open
        return msgspec.structs.replace(answer, usage=None) if partial and answer.text else answer

    def _candidate(self, candidate: Candidate) -> bool:
        """False: it failed, and that was said."""
        index = candidate.index
        signature: str | None = None
        for part in candidate.content.parts:
            call = _called(part)
            if call is not None:
                number = self._calls.get(index, 0)
                self._calls[index] = number + 1
                self.say({"tool_calls": [{"index": number, **call}]}, index=index)
                continue
            picture = _picture(part, self._pictures)
            if picture is not None:
                self._pictures += 1
                self.say({"images": [picture]}, index=index)
                continue
            signature = part.thought_signature or signature
            text = shown(part)
            if text:
                self.say({"reasoning_content" if part.thought else "content": text}, index=index)
        try:
            finish = finish_of(candidate, called=bool(self._calls.get(index)))
        except UpstreamError as error:
            self.fail(error.message, error.code)
            return False
        extra = _extra(candidate, signature)
        logprobs = _logprobs(candidate.logprobs_result)
        if finish is not None or extra or logprobs is not None:
            self.say(extra, index=index, finish=finish, logprobs=logprobs)
        if finish is not None:
            self._ended.add(index)
        return True
