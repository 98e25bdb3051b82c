"""Reports as PDF: read back by another library, the same bytes each time, and no letter that turns into another."""

from collections.abc import Mapping
from io import BytesIO

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from genaiops.arena.reports import check_pdf, pdf
from genaiops.arena.reports._pdf_text import markup, runs
from genaiops.core.errors import UsageError
from tests.arena.test_reports import BOUND, HOSTILE, PLAIN, said


def read(data: bytes) -> str:
    return " ".join("\n".join(page.extract_text() for page in PdfReader(BytesIO(data), strict=True).pages).split())


def test_it_says_what_the_other_forms_say() -> None:
    found = said(BOUND, {"a": "yes", "b": "no", "c": "yes"})
    text = read(pdf(found))
    for part in (
        "x INCONCLUSIVE",
        "equals new at most 0.4 worse -0.3333",
        "equals, new 2 pass, 1 fail",
        "new: 1 case lost against old",
        "equals: failed",
        "suite suite/x@sha256:0",
        "commit abc",
        "seed 7",
    ):
        assert part in text
    assert "new: 2 cases won against old a, c" in read(pdf(said(BOUND, {"a": "yes", "b": "no", "c": "yes"}, old="no")))
    assert "Policies verdict policy why FAIL AI-7" in read(pdf(said(PLAIN + 'policy = "AI-7"\n', {"a": "no"})))


def test_spend_stands_in_it() -> None:
    found = said(BOUND, {"a": "yes", "b": "yes"}, old="no")
    costs = {"new": 3_000_000, "old": 1_000_000}
    answers = {
        place: [msgspec.structs.replace(each, cost_nano=costs[each.target]) for each in some]
        for place, some in found.answers.items()
    }
    text = read(pdf(msgspec.structs.replace(found, answers=answers)))
    assert "new equals +1 (" in text
    assert "Spend target answers of known cost" in text


def test_a_run_has_one_pdf_dated_by_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = said(PLAIN, {"a": "no", "b": None})
    ended = msgspec.structs.replace(found.run, ended_us=1_700_000_000_000_000)
    found = msgspec.structs.replace(found, run=ended)
    data = pdf(found)
    pdf(said(PLAIN, {"other": "∑ ქ"}))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    assert data == pdf(found)
    about = PdfReader(BytesIO(data)).metadata
    assert about is not None
    assert (about.title, about["/CreationDate"]) == ("FAIL: x", "D:20231114221320+00'00'")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ελληνικά Привет ქართული ầ €", "Ελληνικά Привет ქართული ầ €"),
        ("∑ → ≤", "∑ → ≤"),
        ("e\u0301", "é"),
        ("中a", "[U+4E2D]a"),
        ("שלום", "[U+05E9][U+05DC][U+05D5][U+05DD]"),
        ("नम", "[U+0928][U+092E]"),
        ("\U0001f600", "[U+1F600]"),
    ],
)
def test_a_letter_is_shown_or_told_never_another(text: str, shown: str) -> None:
    assert "".join(each for _, each in runs(text)) == shown
    assert shown in read(pdf(said(PLAIN, {"a": text})))


@given(st.text(max_size=60))
@settings(max_examples=15)
def test_whatever_was_answered_it_can_be_read(output: str) -> None:
    assert "equals: failed" in read(pdf(said(PLAIN, {"a": f"{output}."})))


@pytest.mark.parametrize(
    "new", [{"a": HOSTILE}, {"a": "no\n" * 5000, "b": "x" * 5000}, {f"<b>{n}": "&amp;<para>" for n in range(150)}, {}]
)
def test_much_and_nothing_have_room(new: Mapping[str, str]) -> None:
    text = read(pdf(said(PLAIN if new else BOUND, new or {"a": None})))
    assert ("And 50 more; the JSON lines have them all." in text) == (len(new) == 150)


def test_marks_are_text() -> None:
    assert markup("<b>&amp;</b>\ttwo\nlines") == "&lt;b&gt;&amp;amp;&lt;/b&gt;    two<br/>lines"


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    check_pdf()
    monkeypatch.setattr("genaiops.arena.reports._pdf_text.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="not installed") as raised:
        check_pdf()
    assert "genaiops[pdf]" in str(raised.value.remedy)
