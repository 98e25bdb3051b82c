"""Google's embedContent and batchEmbedContents as OpenAI's embeddings, and the answer back."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.fields import Fields, unsayable, wrong
from genaiops.dialects.gemini.fields import proto_fields
from genaiops.domain import Usage

EMBEDDINGS = "OpenAI's embeddings"


def embeddings_request(raw: bytes | bytearray, *, model: str, own: bool = False) -> bytes:
    """The body of an embeddings request that means the same. `own`: with the object `google` that the providers of
    Google's models understand, for `taskType`."""
    request = proto_fields(raw, EMBEDDINGS)
    genaiops = request.take("genaiops")
    wanted = request.each("requests") if request.peek("requests") is not None else [request]
    found = [_wanted(one) for one in wanted]
    if len(wanted) > 1 or wanted[0] is not request:
        request.close()
    texts, dimensions, tasks = zip(*found, strict=True) if found else ((), (), ())
    if not texts:
        raise wrong("requests", "is empty")
    out: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "float"}
    dimension = _same(dimensions, "requests.0.outputDimensionality")
    if dimension is not None:
        out["dimensions"] = dimension
    task = _same(tasks, "requests.0.taskType")
    if task not in (None, "TASK_TYPE_UNSPECIFIED"):
        if not own:
            path = "requests.0.taskType" if wanted[0] is not request else "taskType"
            raise unsayable(path, EMBEDDINGS)
        out["google"] = {"task_type": task}
    if genaiops is not None:
        out["genaiops"] = genaiops
    return msgspec.json.encode(out)


def _same(values: tuple[Any, ...], path: str) -> Any:
    if len({repr(value) for value in values}) > 1:
        raise unsayable(path, EMBEDDINGS, "Send texts that want different vectors in calls of their own.")
    return values[0]


def _wanted(one: Fields) -> tuple[str, int | None, str | None]:
    one.take("model")  # the path names it
    content = one.needed_fields("content")
    content.take("role")
    texts: list[str] = []
    for part in content.each("parts"):
        text = part.text("text")
        part.close()
        if text is None:
            raise wrong(part.path("text"), "is missing")
        texts.append(text)
    content.close()
    dimensions, task = one.integer("outputDimensionality"), one.text("taskType")
    one.close()
    return "\n".join(texts), dimensions, task


class _Vector(msgspec.Struct, frozen=True):
    embedding: list[float]
    index: int = 0


class _List(msgspec.Struct, frozen=True):
    data: list[_Vector] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


_list = msgspec.json.Decoder(_List)


def embeddings_answer(body: bytes, *, batch: bool, usage: Usage | None = None) -> bytes:
    """OpenAI's list of embeddings as an answer of batchEmbedContents, or of embedContent. `usage` stands in where the
    answer has none."""
    found = read(_list, body, "its answer")
    if given(found.error):
        raise UpstreamError(error_message(found.error)[0], code="upstream_error_in_answer")
    if not found.data:
        raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
    vectors = [{"values": one.embedding} for one in sorted(found.data, key=lambda one: one.index)]
    made: dict[str, Any] = {"embeddings": vectors} if batch else {"embedding": vectors[0]}
    known = chat_usage(found.usage) or usage
    if known is not None:
        made["usageMetadata"] = {"promptTokenCount": known.input_tokens, "totalTokenCount": known.total_tokens}
    return msgspec.json.encode(made)
