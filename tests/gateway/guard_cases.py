"""Every way into the model API, with a body that has every place of its dialect in which a text can stand.

A way that `gateway/endpoints.py` has and this list has not fails the suite.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from genaiops.domain import Operation
from genaiops.ports.providers import Dialect
from tests.gateway.harness import Home, target
from tests.gateway.upstream import Upstream
from tests.guard.surfaces.bodies import ANSWERED, ASKED
from tests.guard.surfaces.places import objects, placed, strings, value_at

TICKET = "T-123456"
"""What the rule of the suite looks for."""
SAID = f"see {TICKET} now"
ALL: Any = ("chat", "text_completion", "embeddings", "rerank", "moderations", "image_generation", "transcription",
            "speech", "video_generation")  # fmt: skip


class Way(NamedTuple):
    """`path` as clients call it, `provider` of the target behind; `dialect` is the client's. `plain`: a target that
    speaks otherwise cannot say all of a dialect, so it gets a request of this dialect with a few places."""

    path: str
    operation: Operation
    dialect: Dialect
    provider: str = "openai"
    plain: bool = False

    @property
    def name(self) -> str:
        return f"{self.path}-{self.provider}"


_GEMINI = "/v1beta/models/m:"
WAYS = (
    Way("/v1/chat/completions", "chat", "openai"),
    *(Way("/v1/chat/completions", "chat", "openai", one, plain=True) for one in ("anthropic", "google", "cohere")),
    Way("/v1/responses", "chat", "responses"),
    Way("/v1/responses", "chat", "responses", "anthropic", plain=True),
    Way("/v1/messages", "chat", "messages", "anthropic"),
    Way("/v1/messages", "chat", "messages", plain=True),
    Way("/v2/chat", "chat", "cohere", "cohere"),
    Way("/v2/chat", "chat", "cohere", plain=True),
    Way(f"{_GEMINI}generateContent", "chat", "gemini", "google"),
    Way(f"{_GEMINI}generateContent", "chat", "gemini", plain=True),
    Way(f"{_GEMINI}streamGenerateContent?alt=sse", "chat", "gemini", "google"),
    Way("/v1/completions", "text_completion", "openai"),
    Way("/v1/embeddings", "embeddings", "openai"),
    Way("/v1/embed", "embeddings", "cohere", "cohere"),
    Way("/v2/embed", "embeddings", "cohere", "cohere"),
    Way(f"{_GEMINI}batchEmbedContents", "embeddings", "gemini", "google"),
    Way(f"{_GEMINI}embedContent", "embeddings", "gemini", "google"),
    Way("/v1/rerank", "rerank", "openai"),
    Way("/v2/rerank", "rerank", "cohere", "cohere"),
    Way("/v1/moderations", "moderations", "openai"),
    Way("/v1/images/generations", "image_generation", "openai"),
    Way("/v1/audio/speech", "speech", "openai"),
    Way("/v1/videos", "video_generation", "openai"),
    Way("/v1/messages/count_tokens", "chat", "messages", "anthropic"),
    Way(f"{_GEMINI}countTokens", "chat", "gemini", "google"),
)
FORMS = ("/v1/audio/transcriptions", "/v1/videos")
"""Ways whose bodies are forms."""


def body_of(way: Way) -> Any:
    """A request of this way with texts in every place."""
    if way.plain:
        return plain(way)
    body: Any = copy.deepcopy(ASKED[way.operation, way.dialect])
    if way.path == "/v1/embed":
        body = {
            "model": "m",
            "texts": ["one text", "another"],
            "input_type": "search_query",
            "embedding_types": ["float"],
        }
    elif way.path.endswith("embedContent"):
        body = {"content": {"parts": [{"text": "one text"}]}, "title": "a letter", "taskType": "RETRIEVAL_DOCUMENT"}
    elif way.path.endswith("countTokens"):
        body = {"generateContentRequest": {**_without(body, "model"), "model": "models/m"}}
    if way.dialect != "gemini":
        body["model"] = "m"
    elif way.operation == "embeddings":
        for one in body.get("requests", ()):
            one["model"] = "models/m"
    else:
        body.pop("model", None)
    body.pop("stream", None)
    if isinstance(body.get("genaiops"), dict):
        body["genaiops"].pop("variables", None)
    if way.dialect == "responses":  # what refers to something that is kept elsewhere
        for name in ("prompt", "previous_response_id", "conversation"):
            body.pop(name, None)
    return body


def _without(body: Any, *names: str) -> Any:
    return {name: value for name, value in body.items() if name not in names}


def marked(body: Any) -> Iterator[tuple[str, Any]]:
    """The body with what has to go in one place after the other: each string, an unheard field, a name of a field."""
    for steps in strings(body):
        yield ".".join(map(str, steps)), placed(body, steps, SAID)
    for steps in objects(body):
        inner = value_at(body, steps)
        where = ".".join(map(str, steps))
        yield f"{where} (unheard)", placed(body, steps, {**inner, "unheard": {"of": [SAID]}})
        yield f"{where} (name)", placed(body, steps, {**inner, SAID: 1})


def escaped(raw: bytes) -> bytes:
    """The same JSON, in which no byte of the value stands as it is."""
    return raw.replace(TICKET.encode(), "".join(f"\\u{ord(one):04x}" for one in TICKET).encode())


def holds(data: bytes) -> bool:
    """Whether the value is in these bytes, as they are or once they are read."""
    return TICKET.encode() in data or TICKET.encode() in _plain(data)


def _plain(data: bytes) -> bytes:
    return re.sub(rb"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), data)


def behind(home: Home, upstream: Upstream, provider: str, **changes: Any) -> Any:
    """A target of that provider."""
    root = upstream.url.removesuffix("/v1")
    base = {"google": f"{root}/v1beta", "cohere": f"{root}/v2"}.get(provider, upstream.url)
    home.secrets.put("secret", "sk-upstream")
    settings = {"responses": "native"} if provider == "openai" else {}
    fields: dict[str, Any] = {"provider": provider, "operations": ALL, "credentials": ("secret",),
                              "settings": settings, **changes}  # fmt: skip
    return target(base, **fields)


def speaks(way: Way) -> Dialect:
    """What the target behind speaks."""
    found: dict[str, Dialect] = {"anthropic": "messages", "google": "gemini", "cohere": "cohere"}
    if way.provider == "openai" and way.dialect == "responses":
        return "responses"
    return found.get(way.provider, "openai")


def answer_of(way: Way) -> Any:
    """What the target behind answers."""
    found: Any = ANSWERED.get((way.operation, speaks(way)))
    found = copy.deepcopy(ANSWERED[way.operation, way.dialect] if found is None else found)
    if way.plain and way.operation == "chat":  # what the client's dialect can say
        if "choices" in found:
            for choice in found["choices"]:
                calls = choice["message"].get("tool_calls", [])
                choice["message"]["tool_calls"] = [one for one in calls if one["type"] == "function"][:1]
        if speaks(way) == "messages":
            found["content"] = [one for one in found["content"] if one["type"] in ("text", "thinking", "tool_use")]
    return found


def encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


_TOOL = {"name": "look", "description": "looks it up"}
_QUERY = {"type": "object", "properties": {"q": {"type": "string", "description": "what for"}}}
_CALLED = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"q": "an old thing"}'}}
_FUNCTION = {"type": "function", "function": {**_TOOL, "parameters": _QUERY}}
PLAIN: dict[str, Any] = {
    "openai": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hello, "}, {"type": "text", "text": "you"}]},
            {"role": "assistant", "content": None, "tool_calls": [_CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": "an old answer"},
        ],
        "tools": [_FUNCTION],
        "stop": ["that is all"],
    },
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hello, you"}]},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"q": "an old thing"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "an old answer"},
        ],
        "tools": [{"type": "function", **_TOOL, "parameters": _QUERY}],
        "metadata": {"about": "an old thing"},
    },
    "messages": {
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello, you"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "look", "input": {"q": "an old thing"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "an old answer"}]},
        ],
        "tools": [{**_TOOL, "input_schema": _QUERY}],
        "max_tokens": 9,
    },
    "cohere": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello, you"},
            {"role": "assistant", "tool_calls": [_CALLED]},
            {"role": "tool", "tool_call_id": "c1", "content": "an old answer"},
        ],
        "tools": [_FUNCTION],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hello, you"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"q": "an old thing"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "an old one"}}}]},
        ],
        "tools": [{"functionDeclarations": [{**_TOOL, "parameters": _QUERY}]}],
    },
}  # fmt: skip


def plain(way: Way) -> Any:
    """A request of this way that any target understands."""
    if way.operation != "chat" or "ount" in way.path:
        return body_of(way)
    found = copy.deepcopy(PLAIN[way.dialect])
    return found if way.dialect == "gemini" else {"model": "m", **found}
