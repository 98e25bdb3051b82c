"""Configurations of promptfoo as suites: what they mean, and what is refused with its line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.arena import asked, templated
from genaiops.arena.promptfoo import echo, is_promptfoo, read_promptfoo
from genaiops.arena.promptfoo._assertions import KINDS
from genaiops.checks.metrics import metric, metric_names, unready
from genaiops.domain import Sample, Suite

HEAD = "prompts: ['{{input}}']\nproviders: [echo]\n"


def suite_of(text: str, folder: Path) -> Suite:
    assert is_promptfoo(text)
    read = read_promptfoo(text, folder)
    assert read.suite is not None, read.faults
    return read.suite


def faults(text: str, folder: Path) -> list[str]:
    read = read_promptfoo(text, folder)
    assert read.suite is None
    return [str(fault) for fault in read.faults]


def test_prompts_times_providers_are_targets_and_tests_are_cases(tmp_path: Path) -> None:
    suite = suite_of(
        """
description: Translating
prompts:
  - 'Say in {{language}}: {{ input }}'
  - {label: short, raw: '[{"role": "system", "content": "{{language}}"}, {"role": "user", "content": "{{input}}"}]'}
providers:
  - openai:chat:gpt-4.1
  - {id: echo, label: mirror}
defaultTest:
  vars: {language: French}
tests:
  - vars: {input: Yes}
    assert: [{type: equals, value: 'Say in {{language}}: Yes'}]
  - description: two more
    vars: {input: [a, b], language: Welsh}
    assert:
      - {type: not-equals, value: a}
""",
        tmp_path,
    )
    names = ["gpt-4.1", "mirror"]
    assert [target.name for target in suite.target] == [
        "openai:chat:gpt-4.1 prompt 1",
        "openai:chat:gpt-4.1 short",
        "mirror prompt 1",
        "mirror short",
    ]
    assert suite.target[0].model == names[0]
    assert [case.id for case in suite.case] == ["1", "2 two more", "3 two more"]
    first = suite.case[0]
    assert asked(suite.target[0], first)["messages"] == [{"role": "user", "content": "Say in French: Yes"}]
    assert [each["content"] for each in asked(suite.target[1], suite.case[1])["messages"]] == ["Welsh", "a"]
    assert echo({"input": templated(suite.target[2], first).input}) == "Say in French: Yes"
    equal, unlike = suite.check
    assert (equal.expected, equal.slices) == ("Say in French: Yes", ("test-1",))
    assert (unlike.negate, unlike.slices) == (True, ("test-2", "test-3"))


def test_tests_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("One {{body}}\n---\nTwo {{body}}\n")
    (tmp_path / "tests.csv").write_text("body,__expected,__description\nx,X,first\ny,Y,\nz,not-equals: Z,\n")
    (tmp_path / "more.yaml").write_text(
        "- vars: {body: file://body.txt}\n  assert: [{$ref: '#/assertionTemplates/w'}]\n"
    )
    (tmp_path / "body.txt").write_text("w")
    text = "prompts: file://prompts.txt\nproviders: echo\ntests: [file://tests.csv, file://more.yaml]\n"
    suite = suite_of(text + "assertionTemplates: {w: {type: equals, value: W}}\n", tmp_path)
    assert [case.variables for case in suite.case] == [{"body": each} for each in "xyzw"]
    assert [target.template for target in suite.target] == ["One {{body}}", "Two {{body}}"]
    equal, unlike = suite.check
    assert [case.expected for case in suite.case] == [
        "X",
        "Y",
        (),
        "W",
    ]  # one check serves all that differ in that alone
    assert (equal.expected, equal.slices) == (None, ("test-1", "test-2", "test-4"))
    assert (unlike.expected, unlike.negate) == ("Z", True)


def test_many_tests_need_few_checks(tmp_path: Path) -> None:
    rows = "".join(f"q{n},a{n}\n" for n in range(500))
    (tmp_path / "tests.csv").write_text("input,__expected\n" + rows)
    suite = suite_of(HEAD + "tests: file://tests.csv\n", tmp_path)
    assert (len(suite.case), len(suite.check)) == (500, 1)
    assert suite.check[0].slices == ()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_assertion_has_its_metric_or_says_that_it_is_missing(name: str, tmp_path: Path) -> None:
    value = "3" if name == "word-count" else "a, b"
    text = f"{HEAD}tests:\n  - vars: {{input: x}}\n    assert:\n      - type: not-{name}\n        threshold: 1\n"
    if KINDS[name].valued:
        text += f"        value: '{value}'\n"
    if KINDS[name].metric in metric_names() and unready(metric(KINDS[name].metric)):
        assert "WordNet" in faults(text, tmp_path)[0]
    elif KINDS[name].metric in metric_names():
        [check] = suite_of(text, tmp_path).check
        assert (check.metric, check.negate) == (KINDS[name].metric, True)
        assert check.threshold == KINDS[name].scale
        expected = ("a", "b") if name.endswith(("-any", "-all")) else value
        assert check.expected == (expected if KINDS[name].valued and KINDS[name].options is None else None)
    else:
        [fault] = faults(text, tmp_path)
        assert f"line 6: tests[0].assert[0].type: {name} is measured by {KINDS[name].metric!r}, and this" in fault


def test_weights_and_thresholds_of_a_test(tmp_path: Path) -> None:
    suite = suite_of(
        HEAD
        + """tests:
  - vars: {input: x}
    threshold: 0.75
    assert:
      - {type: equals, value: x, weight: 3}
      - {type: equals, value: y}
      - {type: equals, value: z, weight: 0}
      - {type: assert-set, threshold: 0.5, weight: 1, assert: [{type: equals, value: x}, {type: equals, value: y}]}
""",
        tmp_path,
    )
    [check] = suite.check
    assert (check.metric, check.threshold) == ("together", 0.75)
    made = metric(check.metric, check.options)
    assert [said.value for said in made.measure([Sample(output="x"), Sample(output="q")])] == [0.7, 0.0]


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("tests: [{assert: [{type: javascript}]}]", "line 3: tests[0].assert[0].value: javascript has no code"),
        ("tests: [{assert: [{type: python, value: file://a.py}]}]", "There is no file a.py"),
        ("tests: [{assert: [{type: python, value: file://../a.py}]}]", "leads out of the folder"),
        ("tests: [{assert: [{type: python, value: '1', threshold: x}]}]", "A threshold is a number"),
        ("tests: [{options: {storeOutputAs: x}}]", "Answers are no variables of other tests"),
        ("tests: [{provider: echo}]", "Every test goes to all providers"),
        ("tests: [{asserts: [1]}]", "asserts of a test is not taken over"),
        ("tests: [{providerOutput: x}]", "providerOutput of a test is not taken over"),
        ("tests: huggingface://datasets/x", "is not fetched"),
        ("tests: file://a.xlsx", "is a spreadsheet"),
        ("tests: [{vars: {a: '{{ env.MY_API_KEY }}'}}]", "would write a secret into the suite"),
        ("extensions: [file://a.js]", "are not called here"),
        ("nunjucksFilters: {f: a.js}", "There is no file a.js"),
        ("evaluateOptions: {repeat: x}", "evaluateOptions: Expected `int`"),
        ("tests: [{assert: [{type: equels, value: x}]}]", "is none that is known here"),
        ("tests: [{assert: [{value: x}]}]", "has no type"),
        ("tests: [{assert: [{type: equals}]}]", "equals has no value"),
        ("tests: [{assert: {type: equals}}]", "Assertions are a list"),
        ("tests: [{vars: [1]}]", "tests[0].vars: It is no object."),
        ("tests: [7]", "A test is an object"),
        ("tests: file://none.yaml", "cannot be read: No such file"),
        ("tests: file://../tests.yaml", "leads out of the folder"),
        ("tests: file:///etc/passwd", "leads out of the folder"),
        ("tests: file://tests.py", "There is no file tests.py"),
        ("tests: [{vars: {x: a, input: '{{ x | nothing }}'}}]", "No filter named"),
        ("tests: [{vars: {input: '{% if x %}'}}]", "cannot be rendered: Unexpected end of template"),
        ("tests: [{options: {temperature: 1}}]", "options.temperature of a test is not taken over"),
        ("tests: [{assert: [{$ref: '#/assertionTemplates/x'}]}]", "names nothing here"),
        ("redteam: {plugins: [pii]}", "line 3: redteam: The attacks of promptfoo are written by its servers"),
        ("scenarios: {a: 1}", "Scenarios are no list"),
        ("defaultTests: 1", "There is no defaultTests"),
        ("tests: [{vars: {input: x}", "This is no YAML"),
    ],
)
def test_what_cannot_be_taken_over_is_told_with_its_line(rest: str, says: str, tmp_path: Path) -> None:
    found = faults(HEAD + rest + "\n", tmp_path)
    assert any(says in fault for fault in found), found


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ("file://provider.py", "There is no file provider.py"),
        ("golang:x.go", "is a program of Go"),
        ("openai:image:dall-e-3", "cannot be asked from here"),
        ("nobody:x", "cannot be asked from here"),
        ("{id: openai:x, config: {apiKey: sk-1}}", "A key stands in the file"),
        ("{id: 'https://x/', config: {body: {a: '{{prompt}}'}, method: GET}}", "Only POST"),
        ("{id: 'https://x/', config: {body: {}, headers: {X-Key: a}}}", "The header X-Key cannot be sent"),
        ("{id: 'https://x/', config: {body: {}, transformResponse: [1]}}", "It is no text"),
        ("{id: openai:x, config: {tools: file://tools.js}}", "is code, and no value of a parameter"),
        ("{id: 'https://x/'}", "The body is no object"),
        ("{id: echo, inputs: x}", "inputs of a provider is not taken over"),
        ("[a]", "A provider is a text"),
    ],
)
def test_providers_that_cannot_be_asked(provider: str, says: str, tmp_path: Path) -> None:
    found = faults(f"prompts: [x]\nproviders:\n  - {provider}\n", tmp_path)
    assert any(says in fault and fault.startswith("line 3: providers[0]") for fault in found), found


def test_addresses_are_asked_as_they_are(tmp_path: Path) -> None:
    text = """
prompts: ['Hello {{name}}']
providers:
  - id: https://example.com/generate
    config:
      headers: {Content-Type: application/json, Authorization: 'Bearer {{env.MY_KEY}}'}
      body: {text: '{{ prompt }}', who: '{{name}}'}
      transformResponse: json.items[0].text
  - {id: 'openai:m', config: {apiBaseUrl: 'http://127.0.0.1:1/v1/', temperature: 0}}
tests: [{vars: {name: you}}]
"""
    suite = suite_of(text, tmp_path)
    http, openai = suite.target
    assert asked(http, suite.case[0]) == {"text": "Hello you", "who": "you"}
    assert (http.secret, http.answer) == ("MY_KEY", "items[0].text")
    assert (openai.url, openai.secret) == ("http://127.0.0.1:1/v1/chat/completions", "OPENAI_API_KEY")
    assert asked(openai, suite.case[0]) | {"messages": 0} == {"model": "m", "temperature": 0, "messages": 0}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    read = read_promptfoo(HEAD + text, folder)
    assert (read.suite is None) == bool(read.faults)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["equals", "{{x}}", "{%", "x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["vars", "assert", "type", "value", "weight", "x", "$ref"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_tests_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tests: object) -> None:
    read = read_promptfoo(HEAD + f"tests: {json.dumps(tests)}\n", tmp_path_factory.getbasetemp())
    assert (read.suite is None) == bool(read.faults)
