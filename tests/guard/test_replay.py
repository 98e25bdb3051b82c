"""Replay: recorded calls under a candidate, against what is in force."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import (
    DIALECT_ATTRIBUTE,
    POLICIES_ATTRIBUTE,
    Content,
    Finding,
    GuardPolicy,
    GuardRule,
    GuardVersion,
    InForce,
    Span,
    Verdict,
)
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.guard import (
    PolicyJudge,
    ReplayReport,
    ReplaySources,
    ReplayWish,
    recorded_call,
    replay,
)
from genaiops.guard._recorded import dialect_of
from genaiops.ports.blobs import Blobs
from genaiops.ports.guard import Judge
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter
from tests.guard.judging import WordJudge, words

START_US = 1_800_000_000_000_000
SECOND = 1_000_000


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    opened = open_telemetry(tmp_path / "telemetry", writer=True)
    yield opened
    opened.close()


class Store:
    """Calls of one second each."""

    def __init__(self, telemetry: Telemetry, blobs: Blobs) -> None:
        self.telemetry = telemetry
        self.blobs = blobs
        self.count = 0

    def call(
        self,
        text: str,
        answer: str = "fine",
        *,
        content: Any = "inline",
        told: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """`told`: attributes of its content."""
        self.count += 1
        asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
        said = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
        fields: dict[str, Any] = {
            "trace_id": new_trace_id(),
            "span_id": new_span_id(),
            "start_us": START_US + self.count * SECOND,
        }
        said_of_it: dict[str, Any] = {"name": "chat m", "kind": "gateway", "operation": "chat", "content": content}
        span = Span(**fields, **{**said_of_it, **more})
        attributes = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (told or {}).items()}
        kept = Content(**fields, input=asked, output=said, attributes=attributes)
        if content == "blob":
            kept = msgspec.structs.replace(kept, input=None, input_blob=self.blobs.put(asked))
        self.telemetry.write(Batch(spans=(span,), contents=(kept,) if content in ("inline", "blob") else ()))
        return span.trace_id.hex()


@pytest.fixture
def store(telemetry: Telemetry, blobs: Blobs) -> Store:
    return Store(telemetry, blobs)


def version(policy: GuardPolicy, name: str = "p") -> GuardVersion:
    return GuardVersion(name=name, digest="sha256:1", policy=policy)


class Shelf:
    """Policies by name; what `standing` says holds for every call that does not say it."""

    def __init__(self, *versions: GuardVersion, standing: Sequence[InForce] = ()) -> None:
        self._versions = {(each.name, each.digest): each for each in versions}
        self._standing = standing

    def kept(self, name: str, digest: str) -> GuardVersion | None:
        return self._versions.get((name, digest))

    def standing(self, call: Span, release: str | None) -> Sequence[InForce]:
        return self._standing


def sources(store: Store, shelf: Shelf | None = None, judge: Judge | None = None) -> ReplaySources:
    return ReplaySources(store.telemetry, store.blobs, judge or WordJudge(), shelf or Shelf())


def replayed(store: Store, before: GuardPolicy, after: GuardPolicy, progress: Any = None, **more: Any) -> ReplayReport:
    wish = ReplayWish(
        candidate=version(after, "new"), against=version(before, "old"), where=TraceFilter(since_us=START_US), **more
    )
    return replay(sources(store), wish, progress or (lambda _: True))


def test_verdicts_that_differ_are_told_by_rule_and_by_trace(store: Store) -> None:
    same = store.call("a bomb")
    gained = store.call("a knife", "a knife, too")
    store.call("a cake")
    lost = store.call("a gift", content="blob")
    report = replayed(store, words("flag", "bomb", "gift"), words("flag", "bomb", "knife"))
    assert (report.seen, report.judged, report.same, report.different) == (4, 4, 2, 2)
    assert report.actions == {"flag": {"flag": 1, "allow": 1}, "allow": {"flag": 1, "allow": 1}}
    (rule,) = report.rules
    assert (rule.both, rule.gained, rule.lost, rule.changed, rule.stricter, rule.milder) == (1, 1, 1, 0, 1, 1)
    examples = {example.trace_id: example for example in report.examples}
    assert examples.keys() == {gained, lost}
    assert same not in examples
    assert (examples[gained].before, examples[gained].after) == ("allow", "flag")
    assert examples[gained].found_after == {"knife": 2}
    assert report.complete


def test_another_action_is_a_change(store: Store) -> None:
    store.call("a bomb")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    (rule,) = report.rules
    assert (rule.changed, rule.stricter, rule.milder, rule.both) == (1, 1, 0, 0)
    assert report.actions == {"flag": {"block": 1}}
    assert replayed(store, words("flag", "bomb"), words("flag", "bomb")).different == 0


def test_what_was_not_recorded_is_said(store: Store) -> None:
    store.call("a bomb", content="preview")
    store.call("a bomb", content="digest")
    store.call("a bomb", content="erased")
    store.call("a bomb", dialect="openinference", kind="llm")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    assert (report.seen, report.judged, report.not_recorded, report.foreign) == (4, 0, 3, 1)
    assert report.actions == {}


def test_what_cannot_be_read_is_counted_and_not_the_end(store: Store, telemetry: Telemetry) -> None:
    trace_id = new_trace_id()
    fields: dict[str, Any] = {"trace_id": trace_id, "span_id": new_span_id(), "start_us": START_US + SECOND // 2}
    span = Span(**fields, name="chat", kind="gateway", operation="chat", content="inline")
    telemetry.write(Batch(spans=(span,), contents=(Content(**fields, input=b"{no json"),)))
    store.call("a bomb")
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"))
    assert (report.judged, report.unreadable, report.unreadable_why) == (1, 1, "The body cannot be read.")


def test_the_newest_are_looked_at_and_the_rest_is_said(store: Store) -> None:
    ids = [store.call("a bomb") for _ in range(7)]
    report = replayed(store, words("flag", "bomb"), words("block", "bomb"), most=3, examples=2)
    assert (report.seen, report.complete) == (3, False)
    assert report.oldest_us == START_US + 5 * SECOND
    assert [example.trace_id for example in report.examples] == [ids[6], ids[5]]


def test_progress_is_told_and_can_end_it(store: Store) -> None:
    for _ in range(60):
        store.call("a bomb")
    told: list[int] = []

    def progress(report: ReplayReport) -> bool:
        told.append(report.seen)
        return False

    report = replayed(store, words("flag", "bomb"), words("block", "bomb"), progress)
    assert told == [report.seen]
    assert 0 < report.seen < 60
    assert not report.complete


def test_one_that_was_broken_off_is_gone_on_with(store: Store) -> None:
    """The same report as in one go, and no call is looked at twice."""
    for number in range(120):
        store.call("a bomb" if number % 3 else "a knife", "a gift")
    before, after = words("flag", "bomb", "gift"), words("block", "knife", "gift")
    whole = replayed(store, before, after, most=110)
    begun = replayed(store, before, after, lambda _: False, most=110)
    assert (begun.seen, begun.complete) == (50, False)
    wish = ReplayWish(
        candidate=version(after, "new"), against=version(before, "old"), where=TraceFilter(since_us=START_US), most=110
    )
    kept = msgspec.json.decode(msgspec.json.encode(begun), type=ReplayReport)
    assert replay(sources(store), wish, lambda _: True, kept) == whole


# --- in the place of its predecessor, among all that held ---

STRICT, HOUSE = words("block", "bomb", rule="bombs"), words("redact", "name", rule="names")
HELD = {POLICIES_ATTRIBUTE: {"strict@current": "sha256:1", "house@current": "sha256:1"}}


def in_place(store: Store, candidate: GuardPolicy, *, standing: Sequence[InForce] = (), judge: Any = None) -> Any:
    shelf = Shelf(version(STRICT, "strict"), version(HOUSE, "house"), standing=standing)
    given = GuardVersion(name="candidate", digest="", policy=candidate)
    wish = ReplayWish(candidate=given, instead_of="strict@current", where=TraceFilter(since_us=START_US))
    return replay(sources(store, shelf, judge), wish, lambda _: True)


def test_what_else_held_for_a_call_holds_on(store: Store) -> None:
    both = store.call("a bomb and a name", told=HELD)
    store.call("a bomb", told={POLICIES_ATTRIBUTE: {"house@current": "sha256:1"}})
    store.call("a bomb", told={POLICIES_ATTRIBUTE: {"strict@sha256:1": "sha256:1"}})
    report = in_place(store, words("flag", "bomb", rule="bombs"))
    assert (report.seen, report.judged, report.untouched, report.assumed) == (3, 1, 2, 0)
    assert (report.union, report.against) == (True, "strict@current")
    assert report.actions == {"block": {"redact": 1}}, "the other policy still takes the name out"
    assert [(each.policy, each.rule, each.both, each.changed) for each in report.rules] == [
        ("house", "names", 1, 0),
        ("strict", "bombs", 0, 1),
    ]
    assert [each.trace_id for each in report.examples] == [both]


def test_what_held_is_taken_to_be_what_holds_now_where_nobody_knows(store: Store) -> None:
    """Calls of an older program, and those under a version that is not kept any more."""
    store.call("a bomb")
    store.call("a bomb", told={POLICIES_ATTRIBUTE: {"strict@current": "sha256:gone"}})
    report = in_place(store, GuardPolicy(), standing=(InForce("strict@current", "sha256:1"),))
    assert (report.judged, report.assumed, report.actions) == (2, 2, {"block": {"allow": 2}})


def test_a_rule_in_shadow_changes_nothing_when_it_goes_live(store: Store) -> None:
    store.call("a bomb", told=HELD)
    (rule,) = STRICT.rules
    report = in_place(store, GuardPolicy(rules=(msgspec.structs.replace(rule, shadow=1.0),)))
    assert report.actions == {"block": {"allow": 1}}
    assert (report.rules[0].changed, report.rules[0].milder) == (1, 1)


def test_the_engine_judges_several_policies_together(store: Store) -> None:
    store.call("a bomb and a name", told=HELD)
    store.call("a cake", told=HELD)
    report = in_place(store, words("flag", "bomb", "cake", rule="bombs"), judge=PolicyJudge())
    assert report.actions == {"block": {"redact": 1}, "allow": {"flag": 1}}
    assert report.judged == 2


def test_the_words_of_a_call_are_those_that_its_record_says(store: Store, blobs: Blobs) -> None:
    """A body of Anthropic's Messages without anything that tells it from OpenAI's chat."""
    trace_id = bytes.fromhex(store.call("a bomb", told={DIALECT_ATTRIBUTE: "messages"}))
    trace = store.telemetry.trace(trace_id)
    assert trace is not None
    (root,) = trace.spans
    call = recorded_call(root, trace.contents[root.span_id.hex()], blobs)
    assert call is not None
    assert call.dialect == "messages"
    assert call.policies is None
    unread = store.call("a bomb", told={DIALECT_ATTRIBUTE: "klingon"})
    trace = store.telemetry.trace(bytes.fromhex(unread))
    assert trace is not None
    root = trace.spans[0]
    call = recorded_call(root, trace.contents[root.span_id.hex()], blobs)
    assert call is not None
    assert call.dialect == "openai"


@pytest.mark.parametrize(
    ("operation", "request_", "answer", "dialect"),
    [
        ("chat", {"messages": []}, {"choices": []}, "openai"),
        ("chat", {"messages": [], "max_tokens": 5}, {"type": "message", "content": []}, "messages"),
        ("chat", {"messages": [], "system": "x"}, None, "messages"),
        ("chat", {"input": "x"}, None, "responses"),
        ("chat", {"contents": []}, None, "gemini"),
        ("chat", {"messages": []}, {"id": "1", "finish_reason": "COMPLETE", "message": {}}, "cohere"),
        ("chat", {"messages": []}, 'event: message_start\ndata: {"type": "message_start"}\n\n', "messages"),
        ("chat", {"messages": []}, 'data: {"type":"message-start"}\n\n', "cohere"),
        ("chat", {"messages": []}, 'data: {"choices":[]}\n\n', "openai"),
        ("embeddings", {"input": "x"}, None, "openai"),
        ("embeddings", {"texts": ["x"]}, None, "cohere"),
        ("embeddings", {"content": {}}, None, "gemini"),
        ("moderations", {"input": "x"}, None, "openai"),
    ],
)
def test_whose_words_a_recording_is_in(operation: Any, request_: Any, answer: Any, dialect: str) -> None:
    said = None if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
    assert dialect_of(operation, json.dumps(request_).encode(), said) == dialect


class Counting:
    """Finds nothing, and remembers what it was asked about."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        self.asked += texts
        verdict = Verdict(outcome="error") if self.broken else Verdict(outcome="pass", measure=0.6)
        return [{"toxicity": verdict}] * len(texts)

    async def find(self, text: str) -> list[Finding]:
        self.asked.append(text)
        return []


def toxic(threshold: float, action: Any = "block") -> GuardPolicy:
    asked = GuardRule(id="tox", detector="toxicity", action=action, threshold=threshold, timeout_ms=5000)
    return GuardPolicy(rules=(asked, GuardRule(id="names", detector="names", direction="in", action="block")))


@pytest.mark.parametrize("action", ["block", "flag"])
def test_nobody_is_asked_twice_about_a_text(store: Store, action: Any) -> None:
    store.call("a bomb", "it is made")
    store.call("a cake", "it is made")
    classifiers, names = Counting(), Counting()
    judge = PolicyJudge(lambda _: classifiers, lambda _: names)
    candidate, against = version(toxic(0.5, action), "new"), version(toxic(0.7, action), "old")
    wish = ReplayWish(candidate=candidate, against=against, where=TraceFilter(since_us=START_US))
    try:
        report = replay(sources(store, judge=judge), wish, lambda _: True)
        assert report.judged == 2
        assert report.actions == {"allow": {action: 2}}
        assert sorted(classifiers.asked) == ["a bomb", "a cake", "it is made", "it is made"], "once for each call"
        assert sorted(names.asked) == ["a bomb", "a cake"]
        classifiers.asked.clear()
        classifiers.broken = True
        replay(sources(store, judge=judge), wish, lambda _: True)
        assert len(classifiers.asked) == 8, "a failure is asked about again"
    finally:
        judge.close()
