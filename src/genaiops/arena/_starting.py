"""A suite to begin with, for a task: cases of its form, and the metrics that are common for it."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.checks.metrics import cards, metric_names
from genaiops.domain import SuiteTask


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` as TOML. `checks`: a metric and what stands below it; those that are not installed are left out."""

    cases: str
    checks: Sequence[tuple[str, str]]
    replayed: bool = True
    """Whether the cases bring an output, so that the suite runs as it stands."""
    ask: str = ""
    """What a model is told beside the case."""
    tries: int = 1
    """How often a model is asked each case, so that one try of them may count (pass@k)."""


_ANSWER: Final = """[[case]]
input = "What is the capital of France?"
expected = ["Paris"]
output = "Paris"

[[case]]
input = "How many days has a week?"
expected = ["7", "seven"]
output = "A week has seven days."

[[case]]
input = "Who wrote Faust?"
expected = ["Goethe"]
output = "Johann Wolfgang von Goethe wrote it."
"""
_CLASS: Final = """[[case]]
input = "You have won a prize"
label = "spam"
output = "spam"

[[case]]
input = "Minutes of the meeting on Monday"
label = "ham"
output = "ham"
"""
_LABELS: Final = 'options = { labels = ["spam", "ham"] }'
_BINARY: Final = 'options = { labels = ["spam", "ham"], positive = "spam" }  # floor = 0.9 holds the gate to it'
_EXTRACTED: Final = """[[case]]
input = "Invoice 17 of 3 May, total 20 EUR"
expected = ['{"number": 17, "total": 20}']
output = '{"number": 17, "total": 20}'
"""
_FIGURE: Final = """[[case]]
input = "How many days has a week?"
number = 7
output = "7"

[[case]]
input = "How many hours has a day?"
number = 24
output = "24"
"""
_TEXT: Final = """[[case]]
input = "The meeting of Monday was moved to Tuesday, because the room was taken."
expected = ["The meeting was moved to Tuesday."]
output = "The meeting was moved to Tuesday."
"""
_TRANSLATION: Final = """[[case]]
input = "Guten Morgen"
expected = ["Good morning"]
output = "Good morning"
"""
_FOUND: Final = """[[case]]
input = "How do I reset my password?"
relevant = { "faq-12" = 1, "faq-40" = 1 }
output = '["faq-12", "faq-7", "faq-40"]'  # ids, best first
"""
_GROUNDED: Final = """[[case]]
input = "When does the shop open?"
context = ["The shop opens at nine."]
expected = ["nine"]
output = "At nine."
"""
_TALK: Final = """[[case]]
messages = [
  { role = "user", content = "Hello, I am Ada." },
  { role = "assistant", content = "Hello Ada." },
  { role = "user", content = "What is my name?" },
]
expected = ["Ada"]
output = "Ada"
"""
_AGENT: Final = """[[case]]
input = "Find red shoes"
expected_tools = [{ name = "search", arguments = { query = "red shoes" } }]
"""
_SUMMARY: Final = """[[case]]
input = "The meeting of Monday was moved to Tuesday, because the room was taken."
context = ["The meeting of Monday was moved to Tuesday, because the room was taken."]
expected = ["The meeting was moved to Tuesday."]
output = "The meeting was moved to Tuesday."

[[case]]
input = "Rain fell all night in Bergen. Two roads are closed, and the ferry to Voss leaves at noon, not at nine."
context = ["Rain fell all night in Bergen. Two roads are closed, and the ferry to Voss leaves at noon, not at nine."]
expected = ["Two roads in Bergen are closed after rain, and the ferry to Voss leaves at noon."]
output = "After rain in Bergen two roads are closed, and the ferry leaves at noon."

[[case]]
input = "Ada bought 20 lamps for 300 EUR in May. Three were broken; the shop sent new ones within a week."
context = ["Ada bought 20 lamps for 300 EUR in May. Three were broken; the shop sent new ones within a week."]
expected = ["Ada bought 20 lamps in May; three were broken and the shop sent new ones."]
output = "Ada bought 20 lamps in May. Three were broken, and the shop sent new ones."
"""
_CODE: Final = """[[case]]
input = "Write a Python function add(a, b) that returns the sum."
output = "def add(a, b):\\n    return a + b"
[case.metadata]
test = "assert add(1, 2) == 3"

[[case]]
input = "Write a Python function is_even(n) that says whether n is even."
output = "def is_even(n):\\n    return n % 2 == 0"
[case.metadata]
test = ["assert is_even(4) == True", "assert is_even(7) == False"]

[[case]]
input = "Write a Python function reverse(text) that returns the text backwards."
output = "def reverse(text):\\n    return text[::-1]"
[case.metadata]
test = "assert reverse('abc') == 'cba'"

[[case]]
input = "Write a Python function count_words(text) that returns how often each word occurs, as a dictionary."
output = "from collections import Counter\\ndef count_words(text):\\n    return dict(Counter(text.split()))"
[case.metadata]
test = "assert count_words('a b a') == {'a': 2, 'b': 1}"
"""
_SQL: Final = """[[case]]
input = "Names of all people, in the order of the alphabet. The table is people(name, age)."
expected = ["SELECT name FROM people ORDER BY name"]
output = "SELECT name FROM people ORDER BY 1"
[case.metadata]
schema = "CREATE TABLE people (name TEXT, age INTEGER)"
rows = { people = [["Grace", 85], ["Ada", 36], ["Alan", 41]] }

[[case]]
input = "How many people are there? The table is people(name, age)."
expected = ["SELECT COUNT(*) FROM people"]
output = "SELECT COUNT(name) FROM people"
[case.metadata]
schema = "CREATE TABLE people (name TEXT, age INTEGER)"
rows = { people = [["Grace", 85], ["Ada", 36], ["Alan", 41]] }

[[case]]
input = "The name of the oldest person. The table is people(name, age)."
expected = ["SELECT name FROM people ORDER BY age DESC LIMIT 1"]
output = "SELECT name FROM people WHERE age = (SELECT MAX(age) FROM people)"
[case.metadata]
schema = "CREATE TABLE people (name TEXT, age INTEGER)"
rows = { people = [["Grace", 85], ["Ada", 36], ["Alan", 41]] }
"""
_SPOKEN: Final = """[[case]]
input = "recording-1"
expected = ["good morning"]
output = "good morning"
"""
_IMAGE: Final = """[[case]]
input = "A red square"
expected = ["red square"]
output = "red square"
"""
_NAMED: Final = "# what is expected stands somewhere in the answer"
_WORDS: Final = (("icontains_any", _NAMED), ("token_f1", ""))

_STARTS: Final[Mapping[SuiteTask, _Start]] = {
    "answering": _Start(cases=_ANSWER, checks=_WORDS),
    "classification": _Start(cases=_CLASS, checks=(("accuracy", _LABELS), ("f1", _BINARY))),
    "extraction": _Start(cases=_EXTRACTED, checks=(("equals", ""), ("is_json", ""), ("token_f1", ""))),
    "regression": _Start(cases=_FIGURE, checks=(("mae", "threshold = 1.0  # how far off a case may be"), ("rmse", ""))),
    "summarisation": _Start(
        cases=_SUMMARY,
        checks=(
            ("rougeL", "threshold = 0.3  # of a case"),
            ("groundedness", "threshold = 0.5  # faithful to `context`"),
            ("rouge1", ""),
        ),
        ask="Summarise in one sentence, with nothing that is not in the text.",
    ),
    "translation": _Start(
        cases=_TRANSLATION, checks=(("chrf", "threshold = 40  # of 100, for a case"), ("bleu", ""), ("ter", ""))
    ),
    "retrieval": _Start(
        cases=_FOUND,
        checks=(
            ("recall_at_k", "options = { k = 5 }\nthreshold = 0.5"),
            ("ndcg_at_k", "options = { k = 10 }"),
            ("mrr", ""),
        ),
    ),
    "answering_from_context": _Start(
        cases=_GROUNDED,
        checks=(("groundedness", "threshold = 0.5  # what the answer says stands in `context`"), *_WORDS),
        ask="Answer in one sentence, with nothing that is not in the text.",
    ),
    "conversation": _Start(cases=_TALK, checks=_WORDS),
    "agent": _Start(
        cases=_AGENT,
        checks=(("tool_names", ""), ("tool_arguments", ""), ("step_count", "threshold = 5"), ("latency", "")),
        replayed=False,
    ),
    "code": _Start(
        cases=_CODE,
        checks=(("code", "# floor = 0.5"),),
        ask="Answer with one block of Python and nothing else.",
        tries=3,
    ),
    "sql": _Start(
        cases=_SQL, checks=(("sql", "# floor = 0.5"),), ask="Answer with one query of SQL and nothing else.", tries=3
    ),
    "transcription": _Start(cases=_SPOKEN, checks=(("wer", ""), ("cer", ""), ("equals", ""))),
    "image": _Start(cases=_IMAGE, checks=(("equals", ""),)),
}


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite for a task begins with, as fields of a suite's document. `checks`: those that are common for it;
    `others`: further metrics that say they are for it. `recorded`: the cases bring an output. `ask`: what a model is
    told beside the case; `tries`: how often it is asked each case."""

    checks: Sequence[Mapping[str, Any]]
    others: Sequence[str]
    cases: Sequence[Mapping[str, Any]]
    recorded: bool
    ask: str
    tries: int


def proposal(task: SuiteTask) -> Proposal:
    """As far as its metrics are installed: the same as `starting_suite` writes."""
    start = _STARTS[task]
    chosen, others = _chosen(task)
    return Proposal(
        checks=[{"metric": name, **tomllib.loads(below)} for name, below in chosen],
        others=others,
        cases=tomllib.loads(start.cases)["case"],
        recorded=start.replayed,
        ask=start.ask,
        tries=start.tries,
    )


def _chosen(task: SuiteTask) -> tuple[list[tuple[str, str]], list[str]]:
    """(the checks that are installed, with what stands below them; names of others for the task)"""
    known = set(metric_names())
    chosen = [(name, below) for name, below in _STARTS[task].checks if name in known] or [("equals", "")]
    taken = {name for name, _ in chosen}
    return chosen, [card.name for card in cards() if task in card.tasks and card.name not in taken]


def proposed(task: SuiteTask) -> Sequence[str]:
    """The metrics that a suite for the task begins with, as far as they are installed."""
    known = set(metric_names())
    return [name for name, _ in _STARTS[task].checks if name in known]


def starting_suite(task: SuiteTask, model: str = "") -> str:
    """TOML of a suite that can be read, and run as it stands where its cases bring an output, or where a `model` of the
    gateway is asked. It proposes what is installed of the metrics that are common for the task, and names all others
    that say they are for it."""
    start = _STARTS[task]
    chosen, others = _chosen(task)
    target = _REPLAYED if start.replayed else _ASKED
    cases = start.cases
    if model:
        target = _model(start, model)
        cases = "".join(line for line in cases.splitlines(keepends=True) if not line.startswith("output = "))
        if start.tries > 1:
            chosen = [
                (name, f"pass_at = {start.tries}  # of {start.tries} tries one passes\nfloor = 0.1")
                for name, _ in chosen
            ]
    checks = "\n".join(f'[[check]]\nmetric = "{name}"\n' + (f"{below}\n" if below else "") for name, below in chosen)
    more = f"\n# Others for this task: {', '.join(others)}\n" if others else ""
    return f'task = "{task}"\n\n{target}\n{_CASES}{cases}\n{checks}{more}{_GATE}'


def _model(start: _Start, model: str) -> str:
    """A target that is asked through the gateway."""
    lines = ["[[target]]", f"name = {_quoted(model)}", f"model = {_quoted(model)}"]
    if start.ask:
        lines.append(f"system = {_quoted(start.ask)}")
    if start.tries > 1:
        lines += ["parameters = { temperature = 0.8, max_tokens = 300 }", "", "[run]", f"repeats = {start.tries}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """As a string of TOML."""
    return msgspec.json.encode(text).decode()


_REPLAYED: Final = """[[target]]
name = "recorded"
recorded = true        # what the cases bring as output; instead, for example:
# model = "a model or route of the gateway"
# python = "module:function"
"""
_ASKED: Final = """[[target]]
name = "agent"
python = "agent:answer"  # gets a case, returns {"output": "...", "tool_calls": [{"name": "...", "arguments": {...}}]}
# model = "a model or route of the gateway"
"""
_CASES: Final = """# More cases stand in a file: [[cases]] with file = "cases.jsonl"
"""
_GATE: Final = """
# A check decides by floor = ..., margin = ... (worse than the baseline by less), improves = true or tolerance = ...
# [gate]
# baseline = "the name of another target"
"""
