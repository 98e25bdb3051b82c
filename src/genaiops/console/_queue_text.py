"""What the pages of queues show: guidelines as HTML, items as one person sees them, results as pictures."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from markdown_it import MarkdownIt
from markupsafe import Markup

from genaiops.console._charts import SCHEMA, Chart, Spec
from genaiops.console._visit import Visit
from genaiops.core.errors import UsageError
from genaiops.domain import Item, Question, Queue
from genaiops.hub import PICTURE, QueueResult, Queues, options_of, shown_answers

_WORDS = {
    "left": "Left is better",
    "right": "Right is better",
    "tie": "Both alike",
    "both_bad": "Both bad",
    "not_enough_evidence": "cannot be told",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answers and what is filled in already. `keys`: of each answer, where it has some."""

    question: Question
    options: Sequence[tuple[str, str]]
    keys: Sequence[str]
    value: Any


class Answered(msgspec.Struct, frozen=True):
    """An answer; `picture`: it is a data URL."""

    name: str
    text: str
    picture: bool


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """An item as somebody labels it. `quick`: one press of a key is all that it takes."""

    item: Item
    asked: Sequence[tuple[str, str]]
    answers: Sequence[Answered]
    expected: Sequence[str]
    context: Sequence[str]
    claims: Sequence[str]
    questions: Sequence[Asked]
    comment: str
    quick: bool


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("js-default")  # without HTML of its own, and without links that run scripts


def guide(text: str) -> Markup:
    """Markdown as HTML, whoever wrote it."""
    return Markup(_markdown().render(text))  # noqa: S704 (made by a renderer that escapes HTML)


def work_of(visit: Visit, queue: Queue, item: Item, queues: Queues, *, before: Mapping[str, Any] | None = None) -> Work:
    """`before`: what is filled in. NotFound-like UsageError when it is erased."""
    content = queues.content(item)
    if content is None:
        raise UsageError(f"What item {item.place} showed is erased.", remedy="Go on with the next one.")
    own = item.labels.get(visit.actor.id)
    filled: Mapping[str, Any] = before or {}
    comment = ""
    if own is not None and own.state == "done":
        texts = queues.texts(own.texts)
        filled = shown_answers(queue.questions, item, own, texts.texts if texts is not None else {})
        comment = texts.comment if texts is not None else ""
    answers = content.answers[::-1] if own is not None and own.swapped else content.answers
    names = ("Left", "Right") if len(answers) == 2 else ("Answer",)
    first = next((each.name for each in queue.questions if _has_keys(each)), None)
    return Work(
        item=item,
        asked=content.asked,
        answers=[
            Answered(name, text, PICTURE.fullmatch(text) is not None) for name, text in zip(names, answers, strict=True)
        ],
        expected=content.expected,
        context=content.context,
        claims=content.claims,
        questions=[_asked(each, filled.get(each.name), keys=each.name == first) for each in queue.questions],
        comment=comment,
        quick=len(queue.questions) == 1 and first is not None,
    )


def said_in(form: Mapping[str, str], queue: Queue, item: Item) -> dict[str, Any]:
    """The answers of a form."""
    found: dict[str, Any] = {}
    for question in queue.questions:
        if question.kind == "claims":
            given = [
                {
                    "verdict": form.get(f"{question.name}.{at}", ""),
                    "source": form.get(f"{question.name}.{at}.source", ""),
                }
                for at in range(item.claims)
            ]
            if any(each["verdict"] for each in given):
                found[question.name] = given
        else:
            found[question.name] = form.get(question.name, "").strip()
    return found


def rating_chart(found: QueueResult) -> Chart | None:
    """Who is how strong, best first, each with its interval. None: nobody has judged a duel."""
    duels = found.duels
    if duels is None or duels.ranking is None:
        return None
    ratings = duels.ranking.ratings
    values = [
        {"name": each.name, "value": each.value, "low": each.low or each.value, "high": each.high or each.value}
        for each in ratings
    ]
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 160}}
    scale: Spec = {"zero": False}
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 26 * len(values),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": values},
        "description": "Rating",
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "token:series-1"},
                "encoding": {
                    "y": y,
                    "x": {"field": "low", "type": "quantitative", "title": "points of Elo", "scale": scale},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": "token:series-1"},
                "encoding": {"y": y, "x": {"field": "value", "type": "quantitative", "scale": scale}},
            },
        ],
    }
    rows = [
        [
            each.name,
            str(each.rank),
            f"{each.value:.0f}",
            "unknown" if each.low is None or each.high is None else f"{each.low:.0f} to {each.high:.0f}",
            str(each.duels),
        ]
        for each in ratings
    ]
    return Chart("Rating", spec, ["who", "rank", "points", "95 %", "duels"], rows)


def _has_keys(question: Question) -> bool:
    return question.kind in ("choice", "scale", "preference")


def _asked(question: Question, value: Any, *, keys: bool) -> Asked:
    names = ("left", "right", "tie", "both_bad") if question.kind == "preference" else options_of(question)
    marks: Sequence[str] = ()
    if keys:
        marks = ("1", "2", "0", "b") if question.kind == "preference" else _digits(question, names)
    return Asked(question=question, options=[(name, _WORDS.get(name, name)) for name in names], keys=marks, value=value)


def _digits(question: Question, names: Sequence[str]) -> Sequence[str]:
    """Of a scale its own numbers, where one digit says them; else 1 to 9."""
    if question.kind == "scale" and question.most <= 9:
        return names
    return [str(number) if number < 10 else "" for number in range(1, len(names) + 1)]
