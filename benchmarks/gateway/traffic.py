"""What is sent: short chats, long ones, streams."""

import msgspec

from benchmarks.gateway.load import CHAT

_SYSTEM = "You are a helpful assistant that answers briefly and clearly."
_QUESTION = (
    "Tell me about the quick brown fox, and what it did with the lazy dog on a sunny afternoon in the park. "
    "Say what the weather was like."
)
_SENTENCE = "The contract of 14 March names the parties, the sums due, and what follows when one of them is late. "

CHUNK_GAP_MS = 100
ENDPOINTS = {"chat": CHAT, "messages": "/v1/messages", "responses": "/v1/responses"}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of call. `prefix` is the beginning of the path by which the mock knows how to answer; gateways that map
    model names to upstreams have a model of the shape's name, which goes there. Milliseconds, bytes. `kept`: all
    answers but the first come out of the exact cache."""

    name: str
    streamed: bool = False
    first_ms: int = 0
    gap_ms: int = 0
    chunks: int = 0
    prompt_bytes: int = 0
    dialect: str = "chat"
    kept: bool = False

    @property
    def endpoint(self) -> str:
        """The path at a gateway."""
        return ENDPOINTS[self.dialect]

    @property
    def prefix(self) -> str:
        return f"/first-{self.first_ms}/gap-{self.gap_ms}/chunks-{self.chunks}" if self.streamed else ""

    @property
    def path(self) -> str:
        """At the mock itself, or through a proxy that leaves paths alone."""
        return f"{self.prefix}{CHAT}"

    def body(self, model: str) -> bytes:
        if self.dialect != "chat":
            return self._translated(model)
        question = _SENTENCE * (self.prompt_bytes // len(_SENTENCE)) + _QUESTION
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}]
        stream = {"stream": True, "stream_options": {"include_usage": True}} if self.streamed else {}
        return msgspec.json.encode(
            {"model": model, "messages": messages, **stream, "temperature": 0.7, "max_tokens": 128}
        )

    def _translated(self, model: str) -> bytes:
        """The same request in the words of another dialect."""
        if self.dialect == "messages":
            said = {"system": _SYSTEM, "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 128}
        else:
            said = {"instructions": _SYSTEM, "input": _QUESTION, "max_output_tokens": 128}
        return msgspec.json.encode({"model": model, **said, "temperature": 0.7})


SHORT = Shape(name="chat")
TRANSLATED = tuple(Shape(name="chat", dialect=dialect) for dialect in ("messages", "responses"))
KEPT = Shape(name="kept", kept=True)
LONG = Shape(name="chat", prompt_bytes=200_000)


def paced(chunks: int) -> Shape:
    """Streams with a chunk every 100 ms."""
    return Shape(name="paced", streamed=True, gap_ms=CHUNK_GAP_MS, chunks=chunks)
