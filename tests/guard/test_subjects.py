"""Rules that bring lists of languages or of topics: what they take for found, and options that are none."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import GuardEvent, GuardPolicy, GuardRule, GuardVersion, Verdict
from genaiops.guard import PolicyJudge, topics_of

LAW = ["Lawsuits, courts and judges."]


class Said:
    """The same of every text."""

    def __init__(self, verdicts: Mapping[str, Verdict]) -> None:
        self.verdicts = verdicts
        self.seen: list[str] = []

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        self.seen += texts
        return [self.verdicts] * len(texts)


def language(code: str, score: float = 0.99) -> Said:
    return Said({"language": Verdict(outcome="pass", reason=code, measure=score)})


def topics(**scores: float) -> Said:
    return Said(
        {
            f"topics:{name}": Verdict(outcome="fail" if score >= 0.5 else "pass", measure=score)
            for name, score in scores.items()
        }
    )


def rule(detector: Any, **fields: Any) -> GuardRule:
    options = fields.pop("options")
    return GuardRule(id="r", detector=detector, direction="in", action="block", options=options, **fields)


def events(one: GuardRule, said: Said, text: str = "What is the time in the city of lights?") -> list[GuardEvent]:
    judge = PolicyJudge(lambda _: said)
    request = b'{"model":"m","messages":[{"role":"system","content":"Sei kurz und freundlich zu allen."},'
    request += b'{"role":"user","content":"%b"}]}' % text.encode()
    try:
        version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(one,)))
        return judge.judge((version,), "chat", "openai", request, None)
    finally:
        judge.close()


@pytest.mark.parametrize(
    ("options", "code", "score", "found"),
    [
        ({"allowed": ["en"]}, "en", 0.99, None),
        ({"allowed": ["en"]}, "fr", 0.99, "fr"),
        ({"allowed": ["en"]}, "fr", 0.5, None),  # it is not sure
        ({"denied": ["fr"]}, "fr", 0.99, "fr"),
        ({"denied": ["fr"]}, "de", 0.99, None),
        ({"allowed": ["en"], "denied": ["fr"]}, "fr", 0.99, "fr"),
    ],
)
def test_languages(options: dict[str, Any], code: str, score: float, found: str | None) -> None:
    said = events(rule("language", options=options), language(code, score))
    assert [(event.action, event.kinds, event.score) for event in said] == (
        [("block", {found: 1}, score)] if found else []
    )


def test_how_sure_it_has_to_be_is_the_rules() -> None:
    assert events(rule("language", options={"allowed": ["en"]}, threshold=0.4), language("fr", 0.5))


def test_only_who_asks_is_judged_and_only_texts_of_some_length() -> None:
    said = language("fr")
    assert not events(rule("language", options={"allowed": ["en"]}), said, "Bonjour, 12345!!")
    assert said.seen == []
    assert events(rule("language", options={"allowed": ["en"], "shortest": 3}), said, "Bonjour, 12345!!")
    assert said.seen == ["Bonjour, 12345!!"]


def test_a_text_too_short_to_tell_is_no_error() -> None:
    unsure = Said({"language": Verdict(outcome="inconclusive", reason="The text is too short to tell its language.")})
    assert events(rule("language", options={"allowed": ["en"]}), unsure) == []


@pytest.mark.parametrize(
    ("options", "scores", "kinds", "score"),
    [
        ({"denied": {"law": LAW}}, {"law": 0.9}, {"law": 1}, 0.9),
        ({"denied": {"law": LAW}}, {"law": 0.2}, None, None),
        ({"allowed": {"law": LAW}}, {"law": 0.9}, None, None),
        ({"allowed": {"law": LAW}}, {"law": 0.2}, {"off_topic": 1}, 0.8),
        ({"allowed": {"law": LAW}, "denied": {"tax": LAW}}, {"law": 0.9, "tax": 0.9}, {"tax": 1}, 0.9),
        ({"allowed": {"law": LAW}, "denied": {"tax": LAW}}, {"law": 0.1, "tax": 0.3}, {"off_topic": 1}, 0.9),
    ],
)
def test_topics(
    options: dict[str, Any], scores: dict[str, float], kinds: dict[str, int] | None, score: float | None
) -> None:
    said = events(rule("topics", options=options), topics(**scores))
    assert [(event.kinds, event.score) for event in said] == ([(kinds, score)] if kinds else [])


def test_the_threshold_of_topics_is_the_rules() -> None:
    assert events(rule("topics", options={"denied": {"law": LAW}}, threshold=0.1), topics(law=0.2))


@pytest.mark.parametrize("said", [{}, {"topics": Verdict(outcome="error", reason="away")}])
@pytest.mark.parametrize("on_error", ["open", "closed"])
def test_who_cannot_say_follows_the_rule(said: dict[str, Verdict], on_error: Any) -> None:
    one = rule("topics", options={"denied": {"law": LAW}}, on_error=on_error)
    [event] = events(one, Said(said))
    assert (event.error, event.action) == ("away" if said else "no answer", "allow")


def test_what_is_asked() -> None:
    one = rule("topics", options={"allowed": {"law": ["Courts.", "Can I sue?"]}, "denied": {"tax": ["Taxes."]}})
    assert topics_of(one) == [
        {"name": "tax", "description": "Taxes.", "examples": []},
        {"name": "law", "description": "Courts.", "examples": ["Can I sue?"]},
    ]


@pytest.mark.parametrize(
    ("detector", "options", "param"),
    [
        ("language", {}, ""),
        ("language", {"allowed": []}, ""),
        ("language", {"allowed": "en"}, ".allowed"),
        ("language", {"denied": ["english"]}, ".denied"),
        ("language", {"allowed": ["en"], "shortest": -1}, ".shortest"),
        ("language", {"allowed": ["en"], "shortest": True}, ".shortest"),
        ("language", {"allowed": ["en"], "denied": ["en"]}, ".denied"),
        ("language", {"allowed": ["en"], "confidence": 0.5}, ".confidence"),
        ("topics", {}, ""),
        ("topics", {"denied": ["law"]}, ".denied"),
        ("topics", {"denied": {"law": "Courts."}}, ".denied"),
        ("topics", {"denied": {"law": []}}, ".denied"),
        ("topics", {"denied": {"law": [" "]}}, ".denied"),
        ("topics", {"denied": {"law": ["x" * 2001]}}, ".denied"),
        ("topics", {"denied": {"": LAW}}, ".denied"),
        ("topics", {"allowed": {"off_topic": LAW}}, ".allowed"),
        ("topics", {"denied": {str(number): LAW for number in range(33)}}, ".allowed"),
        ("names", {"model": "x"}, ".model"),
        ("injection", {"classifier": 5}, ".classifier"),
        ("injection", {"labels": ["A"]}, ".labels"),
        ("toxicity", {"classifier": "mine", "labels": []}, ".labels"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_options_that_are_none(detector: str, options: dict[str, Any], param: str, when: Any) -> None:
    one = GuardRule(
        id="r", detector=detector, direction="in", action="flag", when=when, options=options  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    with pytest.raises(UsageError) as told:
        PolicyJudge().check(GuardPolicy(rules=(one,)))
    assert told.value.param == f"rules.r.options{param}"
    assert told.value.remedy


def test_only_classifiers_of_the_settings_can_be_named() -> None:
    one = rule("injection", options={"classifier": "mine"})
    PolicyJudge().check(GuardPolicy(rules=(one,)))
    judge = PolicyJudge(lambda _: None, known=("yours",))
    try:
        with pytest.raises(UsageError, match="'mine'") as told:
            judge.check(GuardPolicy(rules=(one,)))
        assert "yours" in str(told.value.remedy)
    finally:
        judge.close()


def test_what_has_ended_is_looked_at_too() -> None:
    one = GuardRule(id="r", detector="language", direction="in", action="flag", options={"allowed": ["en"]})
    [event] = events(one, language("fr"))
    assert (event.action, event.kinds) == ("flag", {"fr": 1})


def test_one_loop_serves_many_threads() -> None:
    said = language("fr")
    judge = PolicyJudge(lambda _: said)
    version = GuardVersion(
        name="p", digest="sha256:p", policy=GuardPolicy(rules=(rule("language", options={"allowed": ["en"]}),))
    )
    request = b'{"model":"m","messages":[{"role":"user","content":"Quelle heure est-il maintenant ?"}]}'

    async def several() -> list[list[GuardEvent]]:
        jobs = [asyncio.to_thread(judge.judge, (version,), "chat", "openai", request, None) for _ in range(8)]
        return await asyncio.gather(*jobs)

    try:
        assert all(event.kinds == {"fr": 1} for [event] in asyncio.run(several()))
    finally:
        judge.close()


@pytest.mark.parametrize("streamed", [False, True])
def test_answers_are_judged_before_they_go_out(streamed: bool) -> None:
    answer: dict[str, Any] = {"role": "assistant", "content": "Quelle heure est-il dans la ville lumiere?"}
    body = b'{"model":"m","choices":[%b]}' % msgspec.json.encode(
        {"index": 0, "delta" if streamed else "message": answer, "finish_reason": None if streamed else "stop"}
    )
    one = GuardRule(
        id="r", detector="language", direction="out", action="block", options={"allowed": ["en"], "shortest": 12}
    )
    said = language("fr")
    judge = PolicyJudge(lambda _: said)
    try:
        version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(one,)))
        answered = b"data: %b\n\ndata: [DONE]\n\n" % body if streamed else body
        [event] = judge.judge((version,), "chat", "openai", b'{"model":"m","messages":[]}', answered)
    finally:
        judge.close()
    assert (event.direction, event.action, event.kinds) == ("out", "block", {"fr": 1})
