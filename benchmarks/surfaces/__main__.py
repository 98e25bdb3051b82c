"""`python -m benchmarks.surfaces`: microseconds of CPU to find the texts of bodies, and to pass the pieces of streams
through a channel that changes nothing, and through one that holds three characters. The best of five rounds."""

import time
from collections.abc import Callable

import msgspec

from genaiops.guard.surfaces import Channel, Provenance, Rewriter, answered, asked
from genaiops.ports.providers import Dialect

ROUNDS = 5
PIECES = 4000
_encode = msgspec.json.encode


class Same:
    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


class Holds:
    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        self._held = text[-3:]
        return text[:-3]

    def end(self) -> str:
        return self._held


def best(run: Callable[[], object], times: int) -> float:
    """Microseconds a time."""
    found: list[float] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            run()
        found.append((time.process_time() - begun) / times * 1e6)
    return min(found)


def chat(*contents: str) -> bytes:
    messages = [{"role": "user" if at % 2 else "system", "content": text} for at, text in enumerate(contents)]
    return _encode({"model": "gpt-4o-mini", "messages": messages, "temperature": 0.2, "stream": True})


def tools(count: int) -> bytes:
    properties = {f"field_{at}": {"type": "string", "description": "one of its fields"} for at in range(20)}
    schema = {"type": "object", "properties": properties, "required": ["field_1"]}
    made = [
        {"type": "function", "function": {"name": f"tool_{at}", "description": "does a thing", "parameters": schema}}
        for at in range(count)
    ]
    return _encode({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "tools": made})


def bodies() -> dict[str, Callable[[], object]]:
    short = chat("You are a helpful assistant.", "Tell me: what is the time?")
    long = chat("", "Tell me: what is the time? " * 7600)
    turns = chat(*["Tell me what is the time, and where. "] * 3000)
    many = tools(100)
    message = {"role": "assistant", "content": "It is grey in the north.", "refusal": None}
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": usage,
              "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
    whole = _encode(answer)
    return {
        f"request, {len(short)} bytes": lambda: asked("chat", "openai", short),
        f"one long message, {len(long)} bytes": lambda: asked("chat", "openai", long),
        f"3000 messages, {len(turns)} bytes": lambda: asked("chat", "openai", turns),
        f"100 tools, {len(many)} bytes": lambda: asked("chat", "openai", many),
        f"answer, {len(whole)} bytes": lambda: answered("chat", "openai", whole),
    }


def piece(dialect: Dialect, at: int) -> bytes:
    text = " word"
    event: dict[str, object]
    match dialect:
        case "openai":
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
            event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        case "responses":
            event = {"type": "response.output_text.delta", "sequence_number": at, "item_id": "m", "output_index": 0,
                     "content_index": 0, "delta": text, "logprobs": []}  # fmt: skip
        case "messages":
            event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        case "cohere":
            event = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}
        case "gemini":
            candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
            event = {"candidates": [candidate], "usageMetadata": {"totalTokenCount": at}, "modelVersion": "m"}
    return b"data: %b\n\n" % _encode(event)


def stream(dialect: Dialect, make: Callable[[], Channel]) -> float:
    pieces = [piece(dialect, at) for at in range(PIECES)]

    def channel(provenance: Provenance, tool: str, key: str) -> Channel:  # noqa: ARG001
        return make()

    def run() -> None:
        feed = Rewriter("chat", dialect, channel).feed
        for one in pieces:
            feed(one)

    return best(run, 1) / PIECES


def main() -> None:
    for name, run in bodies().items():
        print(f"{name:40} {best(run, 50):9.1f}")
    dialects: list[Dialect] = ["openai", "responses", "messages", "cohere", "gemini"]
    for dialect in dialects:
        print(f"{dialect + ', a piece of a stream':40} {stream(dialect, Same):9.1f} {stream(dialect, Holds):9.1f}")


if __name__ == "__main__":
    main()
