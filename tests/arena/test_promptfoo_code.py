"""Configurations of promptfoo with code: asserted, transformed, generated and asked by real processes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.arena import Scorer, asker, judges_of, scripts_of, templated
from genaiops.arena.promptfoo import read_promptfoo
from genaiops.arena.promptfoo._nunjucks import NotRendered, Nunjucks
from genaiops.checks.metrics import metric
from genaiops.core.errors import ConfigError, UsageError
from genaiops.domain import Answer, Case, Script, Suite, SuiteTarget, ToolCall
from genaiops.engines.scripts import Hosts
from genaiops.ports.posting import Posted
from genaiops.ports.scripts import Returned

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "nunjucks.json").read_text(encoding="utf-8"))
HEAD = "prompts: ['{{input}}']\nproviders: [echo]\n"
# What is not as in nunjucks: an error that says so, or (None) what promptfoo itself does before it asks nunjucks.
OTHERWISE = {
    "{% switch n %}{% case 3 %}three{% default %}other{% endswitch %}": "unknown tag 'switch'",
    "{{ r/a.c/.test('abc') }}": "unexpected",
    "{{ {a: 1, 'b': [2]}|dump }}": "keys must be str",
    "{{ name": None,
    "{{ 'it''s' }}": None,
    "{% if [] %}y{% else %}n{% endif %}{% if {} %}y{% else %}n{% endif %}{% if '' %}y{% else %}n{% endif %}"
    "{% if 0 %}y{% else %}n{% endif %}": None,
    "{{ list and 'l' }} {{ [] and 'e' }}": None,
}


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    yield made
    made.close()


def suite_of(text: str, folder: Path, hosts: Hosts | None) -> Suite:
    read = read_promptfoo(text, folder, scripts=hosts)
    assert read.suite is not None, read.faults
    return read.suite


class Calling:
    """Of the means of a run those that code needs."""

    def __init__(self, scripts: Hosts | None) -> None:
        self.scripts = scripts


def judged(suite: Suite, hosts: Hosts | None, **said: Any) -> list[tuple[str, str]]:
    """Outcome and reason of each check for an answer to the first case."""
    answer = Answer(target=suite.target[0].name, case=suite.case[0].id, state="answered", **said)
    scorer = Scorer(suite, suite.case)
    names = scorer.to_ask(answer)
    verdicts = asyncio.run(scorer.consulted(answer, names, Calling(hosts), at_us=lambda: 0))  # pyright: ignore[reportArgumentType]
    return [(each.verdict.outcome, each.verdict.reason) for each in verdicts]


def answered(suite: Suite, hosts: Hosts, place: int = 0) -> Answer:
    async def none(*_: Any, **__: Any) -> Any:
        raise AssertionError("nobody is asked over the network")

    ask = asker(suite.target[place], post=none, gateway=None, timeout=20, scripts=hosts)
    return asyncio.run(ask(suite.case[0], 0))


@pytest.mark.parametrize("row", TABLE["rendered"], ids=lambda row: row[0][:40])
def test_templates_render_as_nunjucks_does(row: tuple[str, str | None]) -> None:
    template, expected = row
    nunjucks = Nunjucks(TABLE["environment"])
    if template in OTHERWISE:
        why = OTHERWISE[template]
        if why is None:
            assert nunjucks.render(template, TABLE["variables"]) != expected
        else:
            with pytest.raises(NotRendered, match=why):
                nunjucks.render(template, TABLE["variables"])
    elif expected is None:
        with pytest.raises(NotRendered):
            nunjucks.render(template, TABLE["variables"])
    else:
        assert nunjucks.render(template, TABLE["variables"]) == expected


def test_templates_reach_nothing_of_python() -> None:
    nunjucks = Nunjucks({})
    for text in ("{{ x.__class__ }}", "{{ ''.__class__ }}", "{{ env.__init__ }}", "{{ x['__len__'] }}"):
        assert nunjucks.render(text, {"x": [1]}) == ""
    with pytest.raises(NotRendered, match="more than"):
        nunjucks.render("{% set a = 'x'.repeat(10000) %}{% for n in range(101) %}{{ a }}{% endfor %}", {})


CODE = """
tests:
  - vars: {input: x, least: 3}
    assert:
      - {type: python, value: 'len(output) > context["vars"]["least"]'}
      - {type: not-python, value: len(output) > 3}
      - {type: python, value: '0.4', threshold: 0.5}
      - {type: python, value: '0.4'}
      - type: python
        value: |
          if "hello" in output:
            return {"pass_": True, "score": 0.2, "reason": "a greeting"}
          return False
      - {type: python, value: 1 / 0}
      - {type: python, value: '"garbage"'}
      - {type: python, value: file://own.py, config: {most: 9}}
      - {type: python, value: 'file://own.py:other'}
"""


def test_code_of_python_says_what_passes(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "own.py").write_text(
        "import near\n\nprint('noise')\n\ndef get_assert(output, context):\n"
        "    passed = len(output) < context['config']['most']\n"
        "    return {'pass': passed, 'score': near.HALF, 'reason': context['prompt']}\n"
        "\nasync def other(output, context):\n    return True\n"
    )
    (tmp_path / "near.py").write_text("HALF = 0.5\n")
    found = judged(suite_of(HEAD + CODE, tmp_path, hosts), hosts, output="hello")
    assert [outcome for outcome, _ in found] == [
        "pass",
        "fail",
        "fail",
        "pass",
        "pass",
        "error",
        "error",
        "pass",
        "pass",
    ]
    reasons = [reason for _, reason in found]
    assert (reasons[4], reasons[7]) == ("a greeting", "x")
    assert "ZeroDivisionError" in reasons[5]
    assert "returned no truth, number or object with pass" in reasons[6]


def test_code_is_called_on_the_machine_of_its_files_only(tmp_path: Path, hosts: Hosts) -> None:
    suite = suite_of(HEAD + "tests: [{vars: {input: x}, assert: [{type: python, value: 'True'}]}]", tmp_path, hosts)
    [(outcome, reason)] = judged(suite, None, output="y")
    assert (outcome, "--local" in reason) == ("error", True)
    assert not list(judges_of(suite))
    assert [script.called for script in scripts_of(suite)] == ["python 'True'"]
    with pytest.raises(UsageError, match="brings code of the suite"):
        asker(
            SuiteTarget(name="t", script=Script(language="python", code="1")),
            post=None,  # pyright: ignore[reportArgumentType]
            gateway=None,
            timeout=1,
        )


def test_prompts_tests_variables_and_providers_are_code(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "all.py").write_text(
        "def ask(context):\n"
        "    return [{'role': 'user', 'content': 'Dear {{name}} of ' + context['provider']['id']}]\n"
        "def cases(config):\n"
        "    return [{'vars': {'name': n, 'from': 'file://all.py'}} for n in config['names']]\n"
        "def get_var(name, prompt, others):\n    return {'output': name + others['name']}\n"
        "def call_api(prompt, options, context):\n"
        "    if context['vars']['name'] == 'Bob':\n        return {'error': 'no Bob'}\n"
        "    return {'output': {'said': prompt, 'mark': options['config']['mark']}, 'cost': 0.5,\n"
        "            'tokenUsage': {'prompt': 2, 'completion': 3}}\n"
    )
    text = """
prompts: ['file://all.py:ask', 'Hi {{ name | upper }} {{ from }}{% if name %}.{% endif %}']
providers: [{id: 'python:all.py', config: {mark: '!'}, label: mine}, echo]
tests: {path: 'file://all.py:cases', config: {names: [Ada, Bob]}}
"""
    suite = suite_of(text, tmp_path, hosts)
    assert [target.name for target in suite.target] == [
        "mine all.py:ask",
        "mine prompt 2",
        "echo all.py:ask",
        "echo prompt 2",
    ]
    first = templated(suite.target[0], suite.case[0])
    assert json.loads(first.input) == [{"role": "user", "content": "Dear Ada of python:all.py"}]
    assert templated(suite.target[3], suite.case[1]).input == "Hi BOB fromBob."
    answer = answered(suite, hosts)
    assert json.loads(answer.output)["mark"] == "!"
    assert (answer.state, answer.structured, answer.cost_nano, answer.output_tokens) == (
        "answered",
        True,
        500_000_000,
        3,
    )
    bob = with_case(suite, suite.case[1])
    assert (answered(bob, hosts).state, answered(bob, hosts).error) == ("error", "no Bob")


def with_case(suite: Suite, case: Case) -> Suite:
    return msgspec.structs.replace(suite, case=(case,))


def test_a_program_answers_and_what_breaks_is_told(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "say.sh").write_text('[ "$1" = bad ] && { echo "no such word" >&2; exit 3; }\necho "<$1>"\n')
    text = "prompts: ['{{word}}']\nproviders: ['exec:sh say.sh']\ntests: [{vars: {word: [good, bad]}}]\n"
    suite = suite_of(text, tmp_path, hosts)
    assert answered(suite, hosts).output == "<good>"
    broken = answered(with_case(suite, suite.case[1]), hosts)
    assert (broken.state, "ended with 3. no such word" in broken.error) == ("error", True)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("while True:\n  pass", "took longer than 0.3 s"),
        ("import os\nos._exit(7)", "its process ended with 7"),
        ("import os, sys\nos.write(int(sys.argv[1]), b'garbage\\n' * 2)\nreturn 1", "cannot be read"),
        ("object()", "not JSON serializable"),
        ("exit()", "SystemExit"),
        ("return (", "SyntaxError"),
        ("float('nan')", "not JSON compliant"),
    ],
)
def test_what_code_can_do_ends_in_an_error(code: str, says: str, hosts: Hosts) -> None:
    hosts.call(Script(language="python", code="1"), {})  # so that beginning takes none of the time
    said = hosts.call(Script(language="python", code=code), {}, 0.3 if "while" in code else 20)
    assert says in said.error
    assert hosts.call(Script(language="python", code="output"), {"output": 5}) == Returned(5)


def test_what_cannot_be_called_is_told_before_anything_is_asked(
    tmp_path: Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("def there():\n    return 1\n")
    with pytest.raises(UsageError, match="it has no function gone; there are: there"):
        hosts.check([Script(language="python", file="a.py", function="gone")])
    with pytest.raises(UsageError, match="There is no program"):
        hosts.check([Script(language="command", code="no-such-program-here")])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("genaiops.engines.scripts._hosts.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"no Node.js. Install Node.js .*genaiops\[javascript\]"):
        hosts.check([Script(language="javascript", code="1")])
    with pytest.raises(ConfigError, match="no Ruby"):
        hosts.check([Script(language="ruby", code="1")])


def test_a_file_of_providers_that_names_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("[file://p.yaml, file://p.yaml]")
    read = read_promptfoo("prompts: [x]\nproviders: file://p.yaml\n", tmp_path)
    assert any("names itself" in str(fault) for fault in read.faults)


def test_scenarios_cross_their_configurations_and_tests(tmp_path: Path) -> None:
    text = """
scenarios:
  - config: [{vars: {a: 1}}, {vars: {a: 2}}]
    tests: [{vars: {b: x}, assert: [{type: equals, value: '{{a}}{{b}}'}]}, {vars: {b: y}}]
"""
    suite = suite_of(HEAD + text, tmp_path, None)
    pairs = [(case.variables["a"], case.variables["b"]) for case in suite.case]
    assert pairs == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    assert [case.expected for case in suite.case] == ["1x", (), "2x", ()]


@pytest.mark.needs_node
def test_code_of_javascript(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "own.cjs").write_text(
        "module.exports = (output, context) => ({ pass: output.length > context.config.least, score: 0.5 });\n"
        "module.exports.other = async () => true;\n"
    )
    (tmp_path / "own.mjs").write_text("import fs from 'node:fs';\nexport default (output) => fs.existsSync(output);\n")
    text = """
providers: [echo]
prompts: ['{{input}}']
defaultTest:
  options:
    transformVars: |
      return { input: vars.input + 1 };
tests:
  - vars: {input: x}
    injection: 7
    options: {transform: 'output.replace("Say", "Shout")'}
    assert:
      - {type: javascript, value: 'const s = output; s.startsWith("Shout") && context.vars.input === "x1"'}
      - {type: not-javascript, value: output.length}
      - {type: javascript, value: output.length, threshold: 99}
      - {type: javascript, value: file://own.cjs, config: {least: 3}}
      - {type: javascript, value: 'file://own.cjs:other'}
      - {type: javascript, value: file://own.mjs}
      - {type: javascript, value: output.nothing.there}
      - {type: javascript, value: 'null'}
      - {type: javascript, value: 'JSON.parse(output).a === 1', transform: '"{\\"a\\": 1}"'}
      - {type: javascript, value: 'output.a[1] === 2', transform: '({ a: [1, 2] })'}
      - {type: equals, value: SHOUT IT, transform: output.toUpperCase()}
      - type: javascript
        value: |
          const words = output.split(' ');
          return words.length === 2;
"""
    suite = suite_of(text, tmp_path, hosts)
    assert suite.case[0].variables["input"] == "x1"
    found = judged(suite, hosts, output="Say it")
    outcomes = ["pass", "fail", "fail", "pass", "pass", "fail", "error", "error", "pass", "pass", "pass", "pass"]
    assert [outcome for outcome, _ in found] == outcomes
    assert "Cannot read properties of undefined" in found[6][1]


@pytest.mark.needs_node
def test_providers_and_answers_of_javascript(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "own.js").write_text(
        "module.exports = class {\n  constructor(options) { this.mark = options.config.mark; }\n"
        "  id() { return 'own'; }\n"
        "  async callApi(prompt, context) { return { output: prompt + this.mark + context.vars.n }; }\n};\n"
    )
    text = """
prompts: ['Hi']
providers:
  - {id: file://own.js, config: {mark: '!'}, transform: 'output + "?"'}
  - id: https://x.test/
    config: {body: '{"q": {{prompt | dump}}}', transformResponse: '(json, text) => json.a.map(x => x + 1)'}
tests: [{vars: {n: 3}}]
"""
    suite = suite_of(text, tmp_path, hosts)
    assert answered(suite, hosts).output == "Hi!3?"

    async def post(*_: Any, **__: Any) -> Any:
        return Posted(status=200, headers={}, body=b'{"a": [1, 2]}')

    assert suite.target[1].request == {"q": "{{input}}"}
    ask = asker(suite.target[1], post=post, gateway=None, timeout=20, scripts=hosts)
    answer = asyncio.run(ask(suite.case[0], 0))
    assert (answer.output, answer.structured) == ("[2, 3]", True)


@pytest.mark.needs_node
def test_calls_of_tools_are_the_output_where_there_is_no_text(tmp_path: Path, hosts: Hosts) -> None:
    text = (
        HEAD + "tests: [{vars: {input: x}, assert: [{type: javascript, value: 'output[0].function.name === \"f\"'}]}]"
    )
    call = ToolCall(name="f", arguments={"a": 1})
    assert judged(suite_of(text, tmp_path, hosts), hosts, tool_calls=(call,)) == [("pass", "")]


@pytest.mark.needs_ruby
def test_code_of_ruby(tmp_path: Path, hosts: Hosts) -> None:
    (tmp_path / "own.rb").write_text("def get_assert(output, context)\n  { pass: output.size > 3, score: 1 }\nend\n")
    text = """
tests:
  - vars: {input: x}
    assert: [{type: ruby, value: file://own.rb}, {type: ruby, value: 'output.size'}, {type: ruby, value: raise "x"}]
"""
    found = judged(suite_of(HEAD + text, tmp_path, hosts), hosts, output="hello")
    assert [outcome for outcome, _ in found] == ["pass", "pass", "error"]


def test_the_card_says_what_is_missing() -> None:
    assert "No function is named" in str(getattr(metric("script"), "lacking", ""))
    assert metric("transformed", {"metric": "contains"}).card.name == "transformed contains"
    with pytest.raises(UsageError, match="says nothing of a single answer"):
        metric("transformed", {"metric": "corpus_bleu"})
