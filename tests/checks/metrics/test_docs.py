"""docs/metrics-of-answers.md lists every metric, as its card has it."""

import re
from collections.abc import Iterator

from genaiops.checks.metrics import METRICS, metric
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "metrics-of-answers.md"


def row(name: str) -> str:
    card = metric(name).card
    low, high = ("" if side is None else f"{side:g}" for side in (card.low, card.high))
    figure = f"{low} to {high}".strip() if high else f"from {low}" if low else "any"
    unit = f"{figure} {card.unit}".strip()
    of = "each answer" if card.over == "sample" else "all answers"
    passes = "" if card.threshold is None else f"{card.threshold:g}"
    return f"| `{name}` | {card.title} | {unit} | {card.better} | {of} | {passes} |"


def wanted() -> Iterator[str]:
    for names in METRICS.values():
        yield from map(row, names)


def test_every_metric_stands_there() -> None:
    there = re.findall(r"^\| `.*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(there) == sorted(wanted()), "The rows have to be:\n" + "\n".join(wanted())


def test_every_option_that_is_named_there_is_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, options in re.findall(r'metric = "(\w+)"\noptions = \{(.*)\}', text):
        for option in re.findall(r"(\w+) = ", options):
            assert option in metric(name).card.options
