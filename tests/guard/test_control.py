"""`control` in the guard: unseen characters, words of two scripts, and what is encoded."""

import base64
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule
from genaiops.guard import PolicyJudge
from genaiops.ports.guard import Blocked
from tests.guard.answering import answered, delta, guard, streamed

TAGS = "\U000e0041\U000e0042"
FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f"
HOMOGLYPH = "p\u0430ypal"
_PIECES = st.lists(
    st.sampled_from(
        ["a", "Z", " ", "\u0430", "\u03bf", "\u200b", "\u200d", "\ufe0f", "\U0001f3f4", "\U000e0067", "\U000e007f",
         "\u202e", "\ufff9", TAGS, FLAG, TAGS * 40, "\u200b" * 70, "T-123456", "\u00e9"]
    ),
    max_size=12,
)  # fmt: skip


def rule(**fields: Any) -> GuardRule:
    made: dict[str, Any] = {"id": "control", "detector": "control", **fields}
    return GuardRule(**made)


TICKETS = GuardRule(
    id="tickets", detector="words", action="redact", direction="out", options={"patterns": {"ticket": r"T-\d{6}"}}
)


@settings(max_examples=40)
@given(_PIECES)
@example(["a", "\u200d", "b"])
@example(["\U0001f3f4", "\U000e0067\U000e0062", "\U000e007f"])
@example(["T-123", TAGS, "456"])
@example(["\u200b" * 70, "\u200b" * 70, "x"])
@example(["p", "\u0430", "y", "\u0430", " ", "\u0430", "b"])
def test_a_stream_is_judged_as_the_whole(pieces: list[str]) -> None:
    rules = (rule(action="redact"), rule(id="noted"), TICKETS)
    said, found, _ = answered("".join(pieces), *rules)
    assert streamed(pieces, *rules) == (said, found)
    assert streamed(list("".join(pieces)), *rules) == (said, found)


def test_only_what_the_rule_concerns_is_taken_out() -> None:
    text = f"a{TAGS}b\u202ec"
    assert answered(text, rule(action="redact", kinds=("tag_characters",)))[0] == "ab\u202ec"
    assert answered(text, rule(action="redact"))[0] == "abc"
    assert answered(text, rule(action="flag"))[0] == text
    assert answered(FLAG, rule(action="block"))[2] == "allow"


@pytest.mark.parametrize("pieces", [["Pay by p\u0430y", "pal"], list(f"Pay by {HOMOGLYPH} now")])
def test_a_word_of_two_scripts_stops_a_stream_before_it_is_whole(pieces: list[str]) -> None:
    stream = guard(rule(action="block")).stream()
    sent: list[bytes] = []
    with pytest.raises(Blocked):
        sent.extend(stream.feed(delta(piece)) for piece in pieces)
    assert "\u0430".encode() not in b"".join(sent)
    assert answered(f"Pay by {HOMOGLYPH}", rule(action="block"))[1:] == ({"control.homoglyphs": 1}, "block")


def test_a_word_of_two_scripts_is_never_cut_out() -> None:
    said, found, _ = answered(HOMOGLYPH, rule(action="redact"), rule(id="noted"))
    assert (said, found) == (HOMOGLYPH, {"noted.homoglyphs": 1})
    with pytest.raises(UsageError, match="never cut out"):
        PolicyJudge().check(GuardPolicy(rules=(rule(action="redact", kinds=("homoglyphs",)),)))


SECRET = base64.b64encode(b"see T-123456 for it, please").decode()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_an_encoded_run_with_a_finding_in_it_goes_whole(size: int) -> None:
    plain = base64.b64encode(b"see nothing of it in here at all").decode()
    text = f"It is {SECRET} or {plain}, you know"
    want = f"It is <ENCODED_1> or {plain}, you know", {"control.encoded": 1}
    rules = (rule(action="redact", kinds=("encoded",)), TICKETS)
    assert answered(text, *rules)[:2] == want
    assert streamed([text[at : at + size] for at in range(0, len(text), size)], *rules) == want


def test_what_is_allowed_is_no_finding_in_an_encoded_run_either() -> None:
    run = base64.b64encode(b"write to ann.smith@example.org today").decode()
    mail = GuardRule(id="mail", detector="pii", kinds=("email",))
    allowed = GuardRule(id="fine", detector="pii", action="allow", kinds=("email",))
    assert answered(run, rule(action="block"), mail)[2] == "block"
    assert answered(run, rule(action="block"), mail, allowed)[2] == "allow"
    assert answered(run, rule(action="block"))[2] == "allow", "nothing is looked for"
