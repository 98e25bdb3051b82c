"""Marks are found where people and machines find them, and adding what is missing makes up for it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.disclosure import Answer, Header, Mark, Meta, Sentence, apply, judge
from genaiops.core.errors import UsageError
from tests.examples import examples

SENTENCE = Sentence("This text was written by an AI.", ("Dieser Text wurde von einer KI geschrieben.",))
META = Meta("ai-generated", 'yes, "wholly"')
HEADER = Header("AI-Disclosure", "mode=ai-originated")
ALL: tuple[Mark, ...] = (SENTENCE, META, HEADER)
PAGE = (
    "<!doctype html>\n<html lang=en><head>\n<title>x</title></head>"
    "<body class='a>b'>\n<p>Hello &amp; bye</p></body></html>"
)


@pytest.mark.parametrize(
    ("text", "media_type", "carries"),
    [
        ("Yes. THIS text was written by an A I? No.", "text/plain", False),
        ("Yes.\n\n*This text was written by an AI!*", "text/markdown", True),
        ("dieser text wurde von einer ki geschrieben", "text/plain", True),
        ("This text was written by an AIM.", "text/plain", False),
        ("This text was not written by an AI.", "text/plain", False),
        ("<p>This <b>text</b> was&nbsp;written by an&#32;AI</p>", "text/html", True),
        ("<!-- This text was written by an AI. -->", "text/html", False),
        ("<script>'This text was written by an AI.'</script>", "text/html", False),
        ("<head><title>This text was written by an AI.</title></head>", "text/html", False),
        ("<head><title>x</title><body>This text was written by an AI.", "text/html", True),
        ("<template>This text was written by an AI.</template>", "text/html", False),
    ],
)
def test_a_sentence_is_found_where_it_is_seen(text: str, media_type: str, carries: bool) -> None:
    verdict, additions = judge((SENTENCE,), Answer(text, media_type))
    assert (verdict.outcome == "pass") is carries
    assert bool(additions) is not carries


def test_headers_go_by_their_name_in_any_case() -> None:
    assert judge((HEADER,), Answer("x", headers={"ai-disclosure": "mode=ai-originated"}))[0].outcome == "pass"
    answer = Answer("x", headers={"ai-disclosure": "none", "x-a": "1"})
    verdict, additions = judge((HEADER,), answer)
    assert (verdict.outcome, verdict.evidence) == ("fail", ("header",))
    assert apply(answer, additions).headers == {"x-a": "1", "AI-Disclosure": "mode=ai-originated"}


def test_a_page_gets_what_is_missing_in_the_usual_places() -> None:
    verdict, additions = judge(ALL, Answer(PAGE, "text/html"))
    assert (verdict.outcome, verdict.measure, verdict.n) == ("fail", 3, 3)
    done = apply(Answer(PAGE, "text/html"), additions)
    assert '<head><meta name="ai-generated" content="yes, &quot;wholly&quot;">' in done.text
    assert done.text.endswith("<p>This text was written by an AI.</p></body></html>")
    assert judge(ALL, done)[0].outcome == "pass"


def test_a_meta_element_is_not_asked_of_a_text() -> None:
    verdict, additions = judge((META,), Answer("Hello."))
    assert (verdict.outcome, verdict.n, additions) == ("pass", 0, ())


def test_json_cannot_carry_a_sentence_and_is_left_alone() -> None:
    verdict, additions = judge(ALL, Answer('{"a": 1}', "application/json"))
    assert "cannot carry a sentence" in verdict.reason
    assert [each.at for each in additions] == [None]
    assert apply(Answer('{"a": 1}', "application/json"), additions).text == '{"a": 1}'


def test_where_a_sentence_goes() -> None:
    first = Sentence("Made by AI.", where="start")
    assert apply(Answer("Hi"), judge((first, SENTENCE), Answer("Hi"))[1]).text == (
        "Made by AI.\n\nHi\n\nThis text was written by an AI."
    )
    assert apply(Answer(""), judge((first,), Answer(""))[1]).text == "Made by AI."
    page = apply(Answer(PAGE, "text/html"), judge((first,), Answer(PAGE, "text/html"))[1])
    assert "<body class='a>b'><p>Made by AI.</p>" in page.text


PIECES = (
    *(
        "<html>",
        "<HEAD>",
        "</head>",
        "<body a='>'>",
        "</body>",
        "<!--",
        "-->",
        "<script>",
        "</script>",
        "<title>",
        "<p>",
    ),
    *(
        "x",
        "\n",
        "&lt",
        "<",
        "<meta name=ai-generated content=no>",
        "<textarea>",
        "<!doctype html>",
        "é",
        "</p ",
        "]]>",
    ),
)


@settings(max_examples=examples(200))
@given(
    st.lists(st.sampled_from(PIECES), max_size=10).map("".join),
    st.sampled_from(["text/html", "text/plain", "text/markdown"]),
    st.sampled_from(["start", "end"]),
)
def test_what_was_added_is_found_and_nothing_else_changes(text: str, media_type: str, where: str) -> None:
    marks = (Sentence("Made by AI.", where="start" if where == "start" else "end"), META, HEADER)
    answer = Answer(text, media_type)
    _, additions = judge(marks, answer)
    done = apply(answer, additions)
    assert judge(marks, done) == (judge(marks, done)[0], ())
    assert judge(marks, done)[0].outcome == "pass"
    left = done.text
    for each in additions:
        left = left.replace(each.text, "", 1)
    assert left == text


def test_what_is_no_mark_is_refused() -> None:
    for make in (
        lambda: Sentence("..."),
        lambda: Sentence("Made by AI.", ("",)),
        lambda: Meta(" ", "x"),
        lambda: Header("a b", "x"),
        lambda: Header("A", "x\r\nSet-Cookie: y"),
        lambda: Header("A", ""),
    ):
        with pytest.raises(UsageError, match="no mark of disclosure"):
            make()
