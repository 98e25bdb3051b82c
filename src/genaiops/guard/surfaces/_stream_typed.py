"""Streams of typed events, `SOMETHING.delta` and then `SOMETHING.done` with the whole: OpenAI's Responses,
transcriptions, speech and images."""

from typing import Any, cast

from genaiops.guard.surfaces import _media, _responses
from genaiops.guard.surfaces._chat import word
from genaiops.guard.surfaces._grammar import (
    ARGUMENTS,
    FREE,
    OPAQUE,
    TEXT,
    UNIT,
    Calls,
    Node,
    Provenance,
    Rule,
    extend,
    merged,
)
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script, scalar
from genaiops.guard.surfaces._walk import Part, Slot

_MOST_KINDS = 200
_ITEM_ENDS = ("response.output_item.done",)
_PART_ENDS = ("response.content_part.done", "response.reasoning_summary_part.done")
_TEXTS = ("delta", "text", "refusal", "arguments", "input", "code", "transcript")


def _said(_: Calls, part: dict[str, Any], provenance: Provenance, tool: str) -> tuple[Provenance, str]:
    thought = word(part.get("type")) in ("reasoning_text", "summary_text")
    return ("reasoning" if thought else provenance), tool


_PART = merged(_responses.PART, enter=_said)
RESPONSES = merged(_responses.EVENT)
extend(RESPONSES, part=Rule(TEXT, _PART, "model_output"))
TRANSCRIPTION = _media.TRANSCRIBED
SPEECH = _media.SPOKEN
IMAGES = _media.IMAGINED


class TypedScript(Script):
    """What is said once is what is said again: an event that repeats a text shows what has become of it. Sequence
    numbers go on without a gap where events were put in between."""

    repeats = True

    def __init__(self, channel: NewChannel, node: Node) -> None:
        super().__init__(channel, node)
        self._base = node
        self._rules: dict[str, Rule] = {}
        self._tools: dict[Any, str] = {}
        self._ahead = self._last = 0

    def rule(self, event: dict[str, Any]) -> Rule:
        kind = word(event.get("type"))
        known = self._rules.get(kind)
        if known is None:
            known = Rule(TEXT, _node_of(kind, self._base))
            if len(self._rules) < _MOST_KINDS:
                self._rules[kind] = known
        return known

    def begun(self, event: dict[str, Any]) -> None:
        item: Any = event.get("item")
        if isinstance(item, dict):
            found = cast("dict[str, Any]", item)
            kind = word(found.get("type"))
            self._tools[scalar(event.get("output_index"))] = (
                (word(found.get("name")) or kind) if kind.endswith("_call") else ""
            )
        elif "output_index" in event:
            self._walker.tool = self._tools.get(scalar(event["output_index"]), "")

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        if part.path != ("delta",):
            return None
        kind = word(event.get("type")).removesuffix(".delta")
        get = event.get
        return (
            kind,
            scalar(get("output_index")),
            scalar(get("item_id")),
            scalar(get("content_index")),
            scalar(get("summary_index")),
            scalar(get("segment_id")),
        )

    def ends(self, event: dict[str, Any]) -> list[Key]:
        kind = word(event.get("type"))
        if not self.flows or kind.endswith((".delta", ".added", ".created", ".in_progress")):
            return []
        if kind in _ITEM_ENDS:
            return [key for key in self.flows if key[1] == event.get("output_index")]
        if kind in _PART_ENDS:
            index = (event.get("output_index"), event.get("content_index"), event.get("summary_index"))
            return [key for key in self.flows if (key[1], key[3], key[4]) == index]
        if kind.endswith(".done"):
            ended = kind.removesuffix(".done")
            place = [event.get(name) for name in ("content_index", "summary_index", "segment_id")]
            mine = (ended, event.get("output_index"))
            return [key for key in self.flows if key[:2] == mine and (not self._numbered(event) or [*key[3:]] == place)]
        over = kind in ("error", "response.completed", "response.incomplete", "response.failed", "response.cancelled")
        return list(self.flows) if over else []

    def _numbered(self, event: dict[str, Any]) -> bool:
        return event.get("content_index") is not None or event.get("summary_index") is not None

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:  # noqa: ARG002
        made = {name: value for name, value in flow.event.items() if name != "obfuscation"}
        made["delta"] = rest
        if "logprobs" in made:
            made["logprobs"] = []
        return made

    def event(self, event: dict[str, Any], data: bytes) -> bool:
        changed = super().event(event, data)
        number: Any = event.get("sequence_number")
        if isinstance(number, int):
            for at, one in enumerate(self.before):
                one["sequence_number"] = number + self._ahead + at
            self._ahead += len(self.before)
            event["sequence_number"] = number + self._ahead
            self._last = number + self._ahead
        return changed or (self._ahead > 0 and isinstance(number, int))

    def close(self) -> list[dict[str, Any]]:
        left = super().close()
        for at, one in enumerate(left):
            if "sequence_number" in one:
                one["sequence_number"] = self._last + 1 + at
        return left


def _node_of(kind: str, base: Node) -> Node:
    """The layout of the events of that type."""
    subject = kind.rpartition(".")[0]
    made = merged(base)
    provenance: Provenance = "model_output"
    rule = Rule(TEXT, FREE, provenance)
    if subject.endswith("audio"):  # sound in base64; its words are `audio.transcript`
        rule = Rule(OPAQUE, FREE)
    elif "reasoning" in subject:
        rule = Rule(TEXT, FREE, "reasoning")
    elif subject.endswith("arguments"):
        rule = Rule(ARGUMENTS, UNIT, "tool_arguments")
    elif subject.endswith(("_input", "_code", "_command", "_call")):
        rule = Rule(TEXT, FREE, "tool_arguments")
    if not kind.endswith((".delta", ".done")):
        return made
    made.rules |= dict.fromkeys(_TEXTS, rule)
    return made
