"""What a client is told beside an answer: which sources support what of it, in the object `genaiops` of the answer, or
of one more chunk at the end of a stream.

Nothing here changes what an answer says. The probabilities are those of `checks.facts`; `tokens` is another matter: how
sure the model was of its words, which says nothing of whether they are so.
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, cast

import msgspec

from genaiops.guard._vault import Vault
from genaiops.guard.surfaces import Splitter
from genaiops.ports.guard import ClaimSupport, Support
from genaiops.ports.providers import Dialect

TOLD: Final[frozenset[Dialect]] = frozenset({"openai", "responses"})
"""Dialects whose clients find the object `genaiops` in a body."""
_ENVELOPE: Final = ("id", "object", "created", "model")
_CHUNK: Final = re.compile(r"(\d+)\.(delta\.content|text)")
_DONE: Final = b"data: [DONE]"
_COMPLETED: Final = b'"response.completed"'


def with_support(body: bytes, support: Support) -> bytes:
    """An answer with what its client is told, in its object `genaiops`. What is no object stays as it is."""
    answer: Any = msgspec.json.decode(body)
    if not isinstance(answer, dict):
        return body
    found = cast("dict[str, Any]", answer)
    said = document(support)
    sure = token_probability(found)
    if sure is not None:
        said["tokens"] = sure
    found["genaiops"] = _added(found.get("genaiops"), said)
    return msgspec.json.encode(found)


def restored(support: Support, vault: Vault) -> Support:
    """With the values that are put back into the answer, and the places that its sentences then have."""
    moved: dict[str, int] = {}
    cited: list[ClaimSupport] = []
    for each in support.cited:
        text, by = vault.restore(each.text), moved.get(each.place, 0)
        grown = by + len(text) - len(each.text)
        moved[each.place] = grown
        cited.append(
            msgspec.structs.replace(
                each, text=text, quote=vault.restore(each.quote), start=each.start + by, end=each.end + grown
            )
        )
    return msgspec.structs.replace(support, claims=tuple(map(vault.restore, support.claims)), cited=tuple(cited))


class Telling:
    """Of one stream: puts what is told before its end, once. `support` says it when it is known."""

    def __init__(self, dialect: Dialect, support: Callable[[], Support | None]) -> None:
        self._dialect = dialect
        self._support = support
        self._told = dialect not in TOLD
        self._head: dict[str, Any] | None = None

    def feed(self, out: bytes) -> bytes:
        """What goes out, with it where it belongs."""
        if self._told or not out:
            return out
        if self._dialect == "responses":
            return self._completed(out) if _COMPLETED in out else out
        if self._head is None:
            self._head = next(_envelopes(out), None)
        at = out.find(_DONE)
        return out if at < 0 else out[:at] + self._chunk() + out[at:]

    def end(self) -> bytes:
        """Where the stream ended without a mark."""
        return b"" if self._told or self._dialect == "responses" else self._chunk()

    def _chunk(self) -> bytes:
        support = self._support()
        if support is None:
            return b""
        self._told = True
        body: dict[str, Any] = {**(self._head or {}), "choices": [], "genaiops": {"grounding": document(support)}}
        return b"data: %b\n\n" % msgspec.json.encode(body)

    def _completed(self, out: bytes) -> bytes:
        support = self._support()
        if support is None:
            return out
        self._told = True
        splitter = Splitter()
        events = [*splitter.feed(out), splitter.end()]
        return b"".join(_with_completed(event, support) if _COMPLETED in event else event for event in events)


def _with_completed(event: bytes, support: Support) -> bytes:
    lines = event.split(b"\n")
    for at, line in enumerate(lines):
        if line.startswith(b"data:"):
            found: Any = msgspec.json.decode(line[5:])
            answer: Any = found.get("response") if isinstance(found, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(answer, dict):
                own = cast("dict[str, Any]", answer)
                own["genaiops"] = _added(own.get("genaiops"), document(support))
                lines[at] = b"data: " + msgspec.json.encode(found)
    return b"\n".join(lines)


def _envelopes(out: bytes) -> Iterator[dict[str, Any]]:
    for line in out.splitlines():
        if line.startswith(b"data: {"):
            try:
                found: dict[str, Any] = msgspec.json.decode(line[6:])
            except msgspec.DecodeError:
                continue
            yield {name: found[name] for name in _ENVELOPE if name in found}


def _added(own: Any, said: dict[str, Any]) -> dict[str, Any]:
    return {**(cast("dict[str, Any]", own) if isinstance(own, dict) else {}), "grounding": said}


def _place(place: str) -> str:
    """Of a text of a stream, where it stands in the whole answer."""
    found = _CHUNK.fullmatch(place)
    return place if found is None else f"choices[{found[1]}].{'text' if found[2] == 'text' else 'message.content'}"


def document(support: Support) -> dict[str, Any]:
    """`genaiops.grounding`."""
    return {
        "sentences": support.sentences,
        "unsupported": support.unsupported,
        "claims": support.claims,
        "confidence": None if support.confidence is None else round(support.confidence, 4),
        "citations": [
            {
                "place": _place(each.place),
                "start": each.start,
                "end": each.end,
                "text": each.text,
                "verdict": each.verdict,
                "probability": each.probability,
                "source": each.source,
                "quote": each.quote,
            }
            for each in support.cited
        ],
        "measured": _measured(),
    }


def token_probability(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The geometric mean of the probabilities of an answer's tokens, where its provider told them (OpenAI's
    `logprobs`)."""
    choices: Any = answer.get("choices")
    found: list[float] = []
    for choice in cast("list[Any]", choices) if isinstance(choices, list) else []:
        told: Any = cast("dict[str, Any]", choice).get("logprobs") if isinstance(choice, dict) else None
        tokens: Any = cast("dict[str, Any]", told).get("content") if isinstance(told, dict) else None
        for token in cast("list[Any]", tokens) if isinstance(tokens, list) else []:
            value: Any = cast("dict[str, Any]", token).get("logprob") if isinstance(token, dict) else None
            if isinstance(value, int | float):
                found.append(float(value))
    if not found:
        return None
    return {"mean_probability": round(math.exp(sum(found) / len(found)), 4), "n": len(found)}


@cache
def _measured() -> list[dict[str, Any]]:
    """How often the detector is wrong, as far as anybody measured."""
    from genaiops.checks.cards import cards

    card = cards().get("grounding")
    return [
        {"measure": one.measure, "of": one.of, "value": one.value, "low": one.low, "high": one.high, "n": one.n,
         "dataset": one.dataset}
        for one in (card.figures if card is not None else ())
    ]  # fmt: skip
