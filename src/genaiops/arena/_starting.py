"""A suite to begin with, for a task: cases of its form, and the metrics that are common for it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.checks.metrics import cards, metric_names
from genaiops.domain import SuiteTask


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` as TOML. `checks`: a metric and what stands below it; those that are not installed are left out."""

    cases: str
    checks: Sequence[tuple[str, str]]
    replayed: bool = True
    """Whether the cases bring an output, so that the suite runs as it stands."""


_ANSWER: Final = """[[case]]
input = "What is the capital of France?"
expected = ["Paris"]
output = "Paris"
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
expected = ["At nine."]
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
_CODE: Final = """[[case]]
input = "Write a Python function add(a, b) that returns the sum."
output = "def add(a, b):\\n    return a + b"
[case.metadata]
test = "assert add(1, 2) == 3"
"""
_SQL: Final = """[[case]]
input = "Names of all people, in the order of the alphabet. The table is people(name, age)."
expected = ["SELECT name FROM people ORDER BY name"]
output = "SELECT name FROM people ORDER BY 1"
[case.metadata]
schema = "CREATE TABLE people (name TEXT, age INTEGER)"
rows = { people = [["Grace", 85], ["Ada", 36]] }
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
_WORDS: Final = (("exact_match", ""), ("token_f1", ""), ("equals", "threshold = 1.0"))

_STARTS: Final[Mapping[SuiteTask, _Start]] = {
    "answering": _Start(cases=_ANSWER, checks=_WORDS),
    "classification": _Start(cases=_CLASS, checks=(("accuracy", _LABELS), ("f1", _BINARY))),
    "extraction": _Start(cases=_EXTRACTED, checks=(("equals", ""), ("is_json", ""), ("token_f1", ""))),
    "regression": _Start(cases=_FIGURE, checks=(("mae", "threshold = 1.0  # how far off a case may be"), ("rmse", ""))),
    "summarisation": _Start(cases=_TEXT, checks=(("rougeL", ""), ("rouge1", ""), ("chrf", ""))),
    "translation": _Start(cases=_TRANSLATION, checks=(("chrf", ""), ("bleu", ""), ("ter", ""))),
    "retrieval": _Start(
        cases=_FOUND,
        checks=(
            ("recall_at_k", "options = { k = 5 }\nthreshold = 0.5"),
            ("ndcg_at_k", "options = { k = 10 }"),
            ("mrr", ""),
        ),
    ),
    "answering_from_context": _Start(cases=_GROUNDED, checks=_WORDS),
    "conversation": _Start(cases=_TALK, checks=(("contains", ""), *_WORDS)),
    "agent": _Start(
        cases=_AGENT,
        checks=(("tool_names", ""), ("tool_arguments", ""), ("step_count", "threshold = 5"), ("latency", "")),
        replayed=False,
    ),
    "code": _Start(cases=_CODE, checks=(("code", "# floor = 0.5\n# pass_at = 3  # with [run] repeats = 3 or more"),)),
    "sql": _Start(cases=_SQL, checks=(("sql", "# floor = 0.5"),)),
    "transcription": _Start(cases=_SPOKEN, checks=(("wer", ""), ("cer", ""), ("equals", ""))),
    "image": _Start(cases=_IMAGE, checks=(("equals", ""),)),
}


def starting_suite(task: SuiteTask) -> str:
    """TOML of a suite that can be read, and run as it stands where its cases bring an output. It proposes what is
    installed of the metrics that are common for the task, and names all others that say they are for it."""
    start = _STARTS[task]
    known = set(metric_names())
    chosen = [(name, below) for name, below in start.checks if name in known] or [("equals", "")]
    taken = {name for name, _ in chosen}
    others = [card.name for card in cards() if task in card.tasks and card.name not in taken]
    target = _REPLAYED if start.replayed else _ASKED
    checks = "\n".join(f'[[check]]\nmetric = "{name}"\n' + (f"{below}\n" if below else "") for name, below in chosen)
    more = f"\n# Others for this task: {', '.join(others)}\n" if others else ""
    return f'task = "{task}"\n\n{target}\n{_CASES}{start.cases}\n{checks}{more}{_GATE}'


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
