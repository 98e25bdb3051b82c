"""Answers under rules: as a whole, and as a stream cut anywhere."""

import asyncio
from typing import Any

import msgspec

from genaiops.domain import GuardPolicy, GuardRule, GuardVersion
from genaiops.guard import WorkerGuards
from genaiops.ports.guard import Guarded, Ruling


def guard(*rules: GuardRule) -> Any:
    version = GuardVersion(name="p", digest="sha256:1", aliases=("current",), policy=GuardPolicy(rules=rules))
    made = WorkerGuards().adopt((version,)).guard(("p",), Guarded(b"\0" * 16, "chat", "openai", streamed=True))
    assert made is not None
    return made


def answered(
    text: str, *rules: GuardRule, asked: list[dict[str, Any]] | None = None
) -> tuple[str, dict[str, int], str]:
    """The answer as a whole: its text, what was found, what follows."""
    one = guard(*rules)
    if asked is not None:
        body = msgspec.json.encode({"model": "m", "messages": asked})
        if one.ask(body, None) is None:
            asyncio.run(one.wait(body, None))
    made = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    ruling: Ruling = one.answer(msgspec.json.encode(made), b"application/json")
    said = msgspec.json.decode(ruling.body)["choices"][0]["message"]["content"] if ruling.body else ""
    return said, kinds(one), ruling.action


def delta(text: str) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode({"choices": [{"index": 0, "delta": {"content": text}}]})


def streamed(pieces: list[str], *rules: GuardRule) -> tuple[str, dict[str, int]]:
    one = guard(*rules)
    stream = one.stream()
    out = b"".join(stream.feed(delta(piece)) for piece in pieces)
    out += stream.feed(b"data: [DONE]\n\n") + stream.end()
    return text_of(out), kinds(one)


def text_of(events: bytes) -> str:
    """What a stream of chat says."""
    said = ""
    for line in events.split(b"\n\n"):
        if line.startswith(b"data: {"):
            for choice in msgspec.json.decode(line[6:])["choices"]:
                said += choice["delta"].get("content") or ""
    return said


def kinds(one: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in one.events:
        for kind, count in event.kinds.items():
            found[f"{event.rule}.{kind}"] = count
    return found
