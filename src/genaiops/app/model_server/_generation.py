"""`/v1/chat/completions` and `/v1/completions` by llama.cpp, which answers behind a unix socket.

What llama.cpp would do without a word is refused here: parameters that would undo a caller's cap (`n_predict`), tools
that the model's template drops, several prompts of which it counts one.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from genaiops.app.model_server._admission import Admission
from genaiops.app.model_server._http import JSON, check_model, encode_error, refusal
from genaiops.core.errors import UsageError
from genaiops.http1 import Exchange, Origin, Pool, Reply, Timeouts

BODY_LIMIT = 8 << 20
_ANSWER_LIMIT = 16 << 20
_TIMEOUTS = Timeouts(connect=5.0, first_byte=0.0, idle=0.0, total=3600.0)

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Ignored = Any | UnsetType  # forwarded as it is; llama.cpp judges its value, or has no use for it


class Message(Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None


class _Sampling(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What both endpoints take; from top_k to repeat_last_n and from grammar to ignore_eos, more than OpenAI's."""

    model: str | None = None
    max_tokens: _Positive | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: _Ignored = UNSET
    temperature: _Ignored = UNSET
    top_p: _Ignored = UNSET
    top_k: _Ignored = UNSET
    min_p: _Ignored = UNSET
    repeat_penalty: _Ignored = UNSET
    repeat_last_n: _Ignored = UNSET
    frequency_penalty: _Ignored = UNSET
    presence_penalty: _Ignored = UNSET
    logit_bias: _Ignored = UNSET
    logprobs: _Ignored = UNSET
    seed: _Ignored = UNSET
    stop: _Ignored = UNSET
    grammar: _Ignored = UNSET
    json_schema: _Ignored = UNSET
    ignore_eos: _Ignored = UNSET
    user: _Ignored = UNSET


class ChatRequest(_Sampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    max_completion_tokens: _Positive | None = None
    response_format: _Ignored = UNSET
    top_logprobs: _Ignored = UNSET
    tools: list[Any] | None = None
    tool_choice: _Ignored = UNSET
    parallel_tool_calls: _Ignored = UNSET
    metadata: _Ignored = UNSET
    modalities: list[Literal["text"]] | None = None
    prompt_cache_key: _Ignored = UNSET
    reasoning_effort: _Ignored = UNSET
    safety_identifier: _Ignored = UNSET
    service_tier: _Ignored = UNSET
    store: _Ignored = UNSET
    verbosity: _Ignored = UNSET


class CompletionRequest(_Sampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    prompt: str | list[Any]


def check_chat(body: bytes | bytearray) -> ChatRequest:
    """Decode and judge a chat request. Raises UsageError."""
    request = msgspec.json.decode(body, type=ChatRequest)
    if request.tools:
        raise UsageError(
            "SmolLM2's template has no place for tools: they would be dropped without a word.",
            code="unsupported_parameter",
            param="tools",
            remedy="Leave `tools` out, or route this call to a model that has them.",
        )
    if request.max_tokens and request.max_completion_tokens and request.max_tokens != request.max_completion_tokens:
        raise UsageError(
            "`max_tokens` and `max_completion_tokens` name two different caps.",
            param="max_tokens",
            remedy="Send one of them.",
        )
    for index, message in enumerate(request.messages):
        place = f"messages[{index}].content"
        if message.content is None and message.role != "assistant":
            raise UsageError(
                f"`{place}` is missing.", param=place, remedy=f"A message of the role {message.role!r} has content."
            )
        parts = message.content if isinstance(message.content, list) else []
        for part in parts:
            if part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise UsageError(
                    f"`{place}` holds a part of the type {part.get('type')!r}; this model reads text.",
                    code="unsupported_content",
                    param=place,
                    remedy="Send parts of the type text, or route this call to a model that reads others.",
                )
    return request


def check_completion(body: bytes | bytearray) -> CompletionRequest:
    """Decode and judge a completion request. Raises UsageError."""
    request = msgspec.json.decode(body, type=CompletionRequest)
    prompt = request.prompt
    tokens = isinstance(prompt, list) and all(isinstance(item, int) for item in prompt)
    if isinstance(prompt, list) and not (prompt and (tokens or (len(prompt) == 1 and isinstance(prompt[0], str)))):
        raise UsageError(
            "`prompt` is not one prompt.",
            param="prompt",
            remedy="Send one text, or the tokens of one; several in several requests.",
        )
    return request


class Generation:
    """The two endpoints: `chat` and `completion`."""

    def __init__(self, socket: str, *, key: str, model: str, waiting: int) -> None:
        self._pool = Pool(Origin(unix_path=socket, host="localhost"))
        self._head = b"host: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer %b\r\n" % key.encode()
        self._model = model
        self._admission = Admission(model, waiting)

    async def chat(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = check_chat(body)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        await self._serve(exchange, request.model, b"/v1/chat/completions", body)

    async def completion(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = check_completion(body)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        await self._serve(exchange, request.model, b"/v1/completions", body)

    async def close(self) -> None:
        await self._pool.aclose()

    async def _serve(self, exchange: Exchange, model: str | None, path: bytes, body: bytes | bytearray) -> None:
        check_model(model, self._model)
        async with self._admission.turn():
            reply = await self._pool.request(b"POST", path, self._head, body, timeouts=_TIMEOUTS)
            try:
                if reply.status != 200:
                    answer = await reply.read(_ANSWER_LIMIT)
                    status, translated = translate_error(reply.status, answer)
                    exchange.respond(status, [JSON], translated)
                elif (reply.header(b"content-type") or b"").startswith(b"text/event-stream"):
                    await _relay(reply, exchange)
                else:
                    exchange.respond(200, [JSON], await reply.read(_ANSWER_LIMIT))
            finally:
                # Whatever is left of it is not wanted: closing the connection makes llama.cpp stop.
                reply.release()


async def _relay(reply: Reply, exchange: Exchange) -> None:
    exchange.start(200, [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")])
    while (chunk := await reply.chunk()) is not None:
        exchange.send(chunk)
        await exchange.drain()
    exchange.finish()


_FIELD = re.compile(r"Field '(\w+)': (?:\[json\.exception\.[\w.]+\] )?(.*)")  # llama.cpp's complaint about a value


class _LlamaError(Struct, frozen=True):
    message: str = ""
    type: str = ""
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None


class _LlamaErrorBody(Struct, frozen=True):
    error: _LlamaError


def translate_error(status: int, body: bytes) -> tuple[int, bytes]:
    """llama.cpp's error in OpenAI's form: (status, body)."""
    try:
        error = msgspec.json.decode(body, type=_LlamaErrorBody).error
    except msgspec.MsgspecError:
        return 502, encode_error(f"llama.cpp answered {status} without saying why.", "upstream_error", "model_failed")
    if error.type == "exceed_context_size_error":
        message = (
            f"This model's context is {error.n_ctx} tokens; the prompt has {error.n_prompt_tokens}. "
            "Shorten it, or raise embedded.context in genaiops.toml."
        )
        return 400, encode_error(message, "invalid_request_error", "context_length_exceeded")
    if status == 400:
        field = _FIELD.match(error.message)
        message = f"`{field[1]}` is not valid: {field[2]}." if field else error.message
        return 400, encode_error(message, "invalid_request_error", "invalid_request", field[1] if field else None)
    return 502, encode_error(f"llama.cpp failed: {error.message}", "upstream_error", "model_failed")
