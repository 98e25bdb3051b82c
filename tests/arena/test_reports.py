"""Reports: well formed whatever was answered, red exactly when the gate does not pass, and nothing left out."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import chain
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genaiops.arena import Tables, cases_of, judge, read_suite
from genaiops.arena.reports import FORMATS, Reported, html, jsonl, junit, markdown
from genaiops.arena.reports._charts import cases_by_check, conditions
from genaiops.domain import Answer, Judged, Run, Suite, Verdict

PLAIN = """
[[target]]
name = "new"
recorded = true
[[check]]
metric = "equals"
"""
BOUND = """
[[target]]
name = "old"
recorded = true
[[target]]
name = "new"
recorded = true
[[check]]
metric = "equals"
margin = 0.4
[gate]
baseline = "old"
errors = 1.0
"""
HOSTILE = "\x00 ]]> @all ```` ` | <script>alert(1)</script> </details> ![x](http://x/y.png) \u202e"


def said(text: str, new: Mapping[str, str | None], old: str = "yes") -> Reported:
    """A run in which `new` says so to each case (None: no answer), `old` always the same; "yes" is right."""
    cases = "".join(f'[[case]]\nid = "{name}"\ninput = "asked"\nexpected = "yes"\n' for name in new)
    suite: Suite = read_suite(cases + text, "toml").checked()
    outputs: dict[str, Mapping[str, str | None]] = {"new": new, "old": dict.fromkeys(new, old)}
    answers: dict[tuple[str, str], list[Answer]] = {}
    judged: dict[tuple[str, str], list[Judged]] = {}
    for target in suite.target:
        for name, output in outputs[target.name].items():
            state = "error" if output is None else "answered"
            answers[target.name, name] = [
                Answer(target=target.name, case=name, state=state, output=output or "", error="" if output else HOSTILE)
            ]
            if output is not None:
                verdict = Verdict(outcome="pass" if output == "yes" else "fail", measure=float(output == "yes"))
                each = Judged(target=target.name, case=name, check="equals", metric="equals/1", verdict=verdict)
                judged[target.name, name] = [each]
    found = cases_of(suite, folder=None)
    tables = Tables(found, chain.from_iterable(answers.values()), chain.from_iterable(judged.values()))
    report = judge(suite, tables)
    run = Run(
        id="run_1",
        kind="evaluation",
        subject="suite/x@sha256:0",
        name="x",
        state="done",
        environment={"commit": "abc"},
        total=len(found) * len(suite.target),
        created_us=1,
        seed=7,
    )
    return Reported(run=run, suite=suite, report=report, cases=found, answers=answers, judged=judged, corpus=())


def counted(text: str) -> list[int]:
    """Tests, failures, errors, skipped, which are as many as the attributes say."""
    root = ElementTree.fromstring(text)
    found = [len(root.findall(path)) for path in (".//testcase", ".//failure", ".//error", ".//skipped")]
    assert found == [int(root.get(name, "")) for name in ("tests", "failures", "errors", "skipped")]
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests", ""))
    return found


def test_without_bounds_each_case_is_a_test_of_the_build() -> None:
    assert counted(junit(said(PLAIN, {"a": "yes", "b": "yes"}))) == [3, 0, 0, 0]
    text = junit(said(PLAIN, {"a": "yes", "b": "no", "c": None}))
    assert counted(text) == [5, 2, 2, 0]  # the condition and b; too many answers missing and c
    root = ElementTree.fromstring(text)
    [failed] = root.findall("testsuite[@name='new']/testcase/failure")
    assert failed.text == "no"
    assert {each.get("name") for each in root.iter("property")} >= {
        "run",
        "seed",
        "metric.equals",
        "environment.commit",
    }


def test_with_bounds_conditions_are_what_fails() -> None:
    passed = {str(n): "no" if n == 0 else "yes" for n in range(60)}
    report = said(BOUND, passed)
    assert report.report.verdict.outcome == "pass"
    assert counted(junit(report)) == [121, 0, 0, 1]
    lost = said(BOUND, dict.fromkeys(passed, "no"))
    assert counted(junit(lost))[1:] == [1, 0, 60]
    few = said(BOUND, {"a": "yes"})
    assert few.report.verdict.outcome == "inconclusive"
    assert counted(junit(few))[1:] == [0, 1, 0]


def test_a_run_that_was_stopped_is_not_green() -> None:
    report = said(PLAIN, {"a": "yes"})
    stopped = msgspec.structs.replace(report.report, verdict=Verdict(outcome="inconclusive", reason="stopped"))
    assert counted(junit(msgspec.structs.replace(report, report=stopped))) == [3, 0, 1, 0]


def test_lines_have_everything() -> None:
    report = said(BOUND, {"a": "yes", "b": "no", "c": None})
    lines = [msgspec.json.decode(line) for line in jsonl(report).splitlines()]
    assert [line["type"] for line in lines] == ["report", "condition", "case", "case", "case"]
    assert lines[0]["run"]["seed"] == 7
    assert lines[0]["metrics"] == {"equals": "equals/1"}
    assert lines[0]["targets"] == [{"name": "old", "recorded": True}, {"name": "new", "recorded": True}]
    assert [each["target"] for each in lines[3]["answers"]] == ["old", "new"]
    assert msgspec.convert(lines[3]["judged"][1], Judged) == report.judged["new", "b"][0]


def test_markdown_begins_with_the_verdict_and_folds_what_was_lost() -> None:
    text = markdown(said(BOUND, {"a": "yes", "b": "no"}))
    assert text.splitlines()[1] == "## INCONCLUSIVE: x"
    assert "| **INCONCLUSIVE** | equals | new | at most 0.4 worse | -0.5 |" in text
    assert "<summary>new: 1 case lost against old</summary>" in text
    assert "commit | abc" in text


def test_markdown_keeps_to_the_length_of_a_comment() -> None:
    many = {f"case {n}": "long " * 5000 for n in range(300)}
    text = markdown(said(PLAIN, many))
    assert len(text) <= 60_000
    assert "And 280 more; the JSON lines have them all." in text
    assert text.count("<details>") == text.count("</details>") == 2


def outside_code(text: str) -> str:
    """What is left of Markdown without its fenced code, as CommonMark reads fences."""
    kept: list[str] = []
    fence = ""
    for line in text.splitlines():
        found = re.match(r"(`{3,})", line)
        if fence:
            fence = "" if found and len(found[1]) >= len(fence) and line.strip("`") == "" else fence
        elif found:
            fence = found[1]
        else:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


class Tags(HTMLParser):
    VOID = frozenset({"meta", "br", "path", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.text(max_size=60), st.sampled_from(("plain", "bound")))
@example(HOSTILE, "plain")
@example("~~~\n```\n</pre>", "bound")
def test_whatever_was_answered_the_reports_are_well_formed(output: str, kind: str) -> None:
    report = said(PLAIN if kind == "plain" else BOUND, {"a": output, "b": None})
    counted(junit(report))
    for line in outside_code(markdown(report)).splitlines():
        assert "@" not in line
        assert "![" not in line
        assert "<script" not in line
    assert "\x00" not in markdown(report)


@pytest.mark.parametrize("text", [PLAIN, BOUND])
def test_the_page_loads_and_runs_nothing(text: str) -> None:
    page = html(said(text, {"a": HOSTILE, "b": None, "c": "yes"}))
    page.encode()
    tags = Tags(page)
    assert not tags.open
    assert "script" not in tags.seen
    assert "svg" in tags.seen
    assert all(place.startswith("#") for place in tags.loaded)
    assert "default-src 'none'" in page
    assert "&lt;script&gt;" in page


def test_charts_draw_what_was_judged() -> None:
    report = said(BOUND, {"a": "yes", "b": "no", "c": None})
    bars = cases_by_check(report)
    assert bars is not None
    rows = {(each["row"], each["state"]): each["cases"] for each in bars["data"]["values"]}
    assert rows == {
        ("equals, old", "pass"): 3,
        ("equals, new", "pass"): 1,
        ("equals, new", "fail"): 1,
        ("equals, new", "missing"): 1,
    }
    shown = conditions(report)
    assert shown is not None
    [value] = shown["vconcat"][0]["data"]["values"]
    assert (value["measured"], value["asked"], value["outcome"]) == (-0.5, -0.4, "open")
    assert conditions(said(PLAIN, {"a": "yes"})) is None


def test_every_form_is_written() -> None:
    report = said(PLAIN, {"a": "yes"})
    assert all(write(report) for write in FORMATS.values())


def test_policies_are_listed_with_their_verdicts() -> None:
    text = PLAIN + 'policy = "AI-7 | short"\n'
    for new, word in (({"a": "yes"}, "PASS"), ({"a": "no"}, "FAIL"), ({"a": None}, "INCONCLUSIVE")):
        found = said(text, new)
        assert re.search(rf"<b[^>]*>{word}</b></td><td>AI-7 \| short</td>", html(found))
        assert f"| **{word}** | AI-7 &#124; short |" in markdown(found)
        [line] = [each for each in map(msgspec.json.decode, jsonl(found).splitlines()) if each["type"] == "policy"]
        assert (line["policy"], line["checks"]) == ("AI-7 | short", ["equals"])
    informs = said(BOUND + '[[check]]\nname = "tone"\nmetric = "contains"\npolicy = "P"\n', {"a": "yes", "b": "yes"})
    [line] = [each for each in map(msgspec.json.decode, jsonl(informs).splitlines()) if each["type"] == "policy"]
    assert (line["outcome"], line["reason"]) == ("inconclusive", "Nothing is asked of tone.")


def test_a_gain_stands_beside_what_it_costs() -> None:
    found = said(BOUND, {"a": "yes", "b": "yes", "c": "yes", "d": "yes"}, old="no")
    assert "Quality and cost" not in html(found)
    costs = {"new": 3_000_000, "old": 1_000_000}
    answers = {
        place: [msgspec.structs.replace(each, cost_nano=costs[each.target]) for each in some]
        for place, some in found.answers.items()
    }
    found = msgspec.structs.replace(found, answers=answers)
    lines = [msgspec.json.decode(line) for line in jsonl(found).splitlines()]
    assert {each["target"]: each["nano"] for each in lines if each["type"] == "spend"} == {
        "new": 3_000_000_000,
        "old": 1_000_000_000,
    }
    [gain] = [each for each in lines if each["type"] == "gain"]
    assert (gain["difference"], gain["cost_nano"], gain["per_cost"]) == (1.0, 2_000_000_000, 0.5)
    assert "Quality and cost" in html(found)
    assert "cost more by 2" in markdown(found)
    answers[("old", "a")] = [msgspec.structs.replace(answers["old", "a"][0], cost_nano=0, recalled=True)]
    assert "3 of 4" in html(found)
    unknown = {
        place: [msgspec.structs.replace(each, cost_nano=None) for each in some] if place[0] == "old" else some
        for place, some in answers.items()
    }
    [gain] = [
        each
        for each in map(msgspec.json.decode, jsonl(msgspec.structs.replace(found, answers=unknown)).splitlines())
        if each["type"] == "gain"
    ]
    assert (gain["cost_nano"], gain["per_cost"]) == (None, None)
