"""Rows become items of a queue, and what people said of items becomes rows again: a dataset, labels for a judge."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.checks.grounding import sentences
from genaiops.core.errors import UsageError
from genaiops.domain import Item, ItemContent, Label, LabelTexts, Question, Queue, Score
from genaiops.hub._datasets import Datasets, Origin
from genaiops.hub._labelling import done_labels
from genaiops.hub._queue_forms import worth_of
from genaiops.hub._queue_results import held_of
from genaiops.hub._queues import NewItem, Queues

PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]{8,8000000}")
"""A picture as an item holds it."""
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_TRACE_NODE: Final = re.compile(r"trace/[0-9a-f]{32}")


def item_of_row(
    row: Mapping[str, Any],
    source: str,
    *,
    sources: Sequence[str],
    case: str = "",
    environments: Sequence[str] = (),
    answers: Sequence[str] = ("output",),
    sides: Sequence[str] = (),
) -> NewItem:
    """`answers`: the columns of its answer, or of both answers of a duel; `sides`: what they are called (none: as the
    columns). Other columns as cases of suites have them: `input` or `messages`, `expected`, `context`, `claims`.
    UsageError for a row without such a column."""
    missing = [name for name in answers if name not in row]
    if missing:
        raise UsageError(
            f"{source} has no column {missing[0]!r}.",
            remedy=f"It has: {', '.join(sorted(row)[:20])}.",
            param="answers",
        )
    said = tuple(_text(row[name]) for name in answers)
    claims = _texts(row.get("claims")) if "claims" in row else ()
    content = ItemContent(
        item="",
        asked=_asked(row.get("messages") or row.get("input")),
        answers=said,
        expected=_texts(row.get("expected")),
        context=_texts(row.get("context")),
        claims=claims or (claims_of(said[0]) if len(said) == 1 else ()),
        row=dict(row),
    )
    more = row.get("metadata")
    metadata: Mapping[str, Any] = cast("dict[str, Any]", more) if isinstance(more, dict) else {}
    named: list[Any] = [row.get("trace_id"), metadata.get("trace_id")]
    traces = [each for each in named if isinstance(each, str) and _TRACE.fullmatch(each)]
    return NewItem(
        source=source,
        sources=tuple(sources),
        case=case or source,
        traces=tuple(dict.fromkeys(traces)),
        environments=tuple(environments),
        sides=tuple(sides or answers) if len(answers) == 2 else (),
        content=content,
    )


def claims_of(answer: str) -> tuple[str, ...]:
    """Its sentences."""
    if PICTURE.fullmatch(answer):
        return ()
    found = (answer[start:end].strip() for start, end in sentences(answer))
    return tuple(each for each in found if any(char.isalnum() for char in each))


def labelled_rows(queues: Queues, queue: Queue, items: Sequence[Item], names: Mapping[str, str]) -> dict[str, Any]:
    """Source of an item -> its row with what people said: a column for each question with what holds, `expected` from a
    correction, of a duel `chosen` and `rejected`; `labels` is what each of them said. Items that are disputed or not
    labelled enough are left out. `names` of actors."""
    found: dict[str, Any] = {}
    for item in items:
        if item.state not in ("done", "settled"):
            continue
        content = queues.content(item)
        if content is None:
            continue
        found[item.source] = _labelled(queues, queue, item, content, names)
    return found


def judge_labels(queues: Queues, queue: Queue, items: Sequence[Item], name: str) -> list[dict[str, Any]]:
    """Lines for `judge calibrate`: the answer, and what each person's label of the question `name` is worth. UsageError
    for a question that stands for no figure."""
    question = next((each for each in queue.questions if each.name == name), None)
    if question is None or question.kind not in ("choice", "scale"):
        figures = [each.name for each in queue.questions if each.kind in ("choice", "scale")]
        raise UsageError(
            f"{name[:40]!r} is no question of this queue that stands for a figure.",
            remedy=f"There are: {', '.join(figures) or 'none'}.",
            param="question",
        )
    found: list[dict[str, Any]] = []
    for item in items:
        worths = [worth_of(question, each.values[name]) for each in done_labels(item).values() if name in each.values]
        content = queues.content(item) if worths else None
        if content is None:
            continue
        if None in worths:
            raise UsageError(
                f"An option of {name} has no worth.",
                remedy='Make the queue with options that have one, such as {"name": "good", "worth": 1}.',
                param="question",
            )
        line: dict[str, Any] = {"output": content.answers[0], "label": worths}
        line["input"] = _question(item, content)
        line |= {"expected": content.expected} if content.expected else {}
        line |= {"context": content.context} if content.context else {}
        found.append(line)
    return found


def _question(item: Item, content: ItemContent) -> str:
    """What was asked, for a judge. Of a case of a run as the run itself shows it to judges: the last thing that was
    said, and nothing of the variables of a prompt."""
    said = [text for role, text in content.asked if role in ("", "user")]
    if item.source.startswith("run/"):
        variables = cast("Mapping[str, Any]", content.row.get("variables") or {})
        joined = "\n".join(f"{name}: {value}" for name, value in variables.items())
        return "" if said == [joined] and "messages" not in content.row else said[-1] if said else ""
    return "\n".join(said)


def whole_rows(datasets: Datasets, labelled: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All rows of the version that the items are of, those that are `labelled` as they are now. UsageError for items of
    anything but one version of a dataset."""
    versions = {source.partition("#")[0] for source in labelled}
    if len(versions) != 1 or not next(iter(versions)).startswith("dataset/"):
        raise UsageError(
            "The items are not of one version of a dataset.",
            remedy="Make a dataset of the labelled items alone.",
            param="whole",
        )
    version = datasets.resolve(versions.pop().removeprefix("dataset/"))
    found: list[dict[str, Any]] = []
    while page := datasets.rows(version, start=len(found), limit=1_000):
        found += [dict(labelled.get(f"{version.id}#{each.index}", each.row)) for each in page]
    return found


def labels_origin(name: str, revision: int, items: Sequence[Item], people: Sequence[str]) -> Origin:
    """Where rows of labels come from: the queue, who labelled, and what the items were made from."""
    detail: dict[str, Any] = {"queue": name, "revision": revision, "labellers": list(people)}
    environments = sorted({place for item in items for place in item.environments})
    if environments:
        detail["environments"] = environments
    sources = [f"queue/{name}", *dict.fromkeys(node for item in items for node in item.sources)]
    return Origin(kind="labels", detail=detail, sources=sources[:10_000])


def label_scores(queue: Queue, items: Sequence[Item]) -> list[Score]:
    """Of the traces that items are, a score for each label of a choice or a scale, by who said it. Its identifier is
    made of the label, so that a changed label is a further score, which takes the place of the former."""
    found: list[Score] = []
    for item in items:
        if _TRACE_NODE.fullmatch(item.source) is None or item.state == "erased":
            continue
        for actor, label in done_labels(item).items():
            for question in queue.questions:
                value = label.values.get(question.name)
                if value is None:
                    continue
                number = isinstance(value, int)
                found.append(
                    Score(
                        identifier=f"{item.id}/{actor}/{question.name}/{label.at_us}",
                        trace_id=bytes.fromhex(item.source.removeprefix("trace/")),
                        name=question.name,
                        value=float(value) if number else worth_of(question, value),
                        label=None if number else str(value),
                        source="person",
                        created_us=label.at_us,
                        created_by=actor,
                    )
                )
    return found


def _labelled(
    queues: Queues, queue: Queue, item: Item, content: ItemContent, names: Mapping[str, str]
) -> dict[str, Any]:
    row = dict(content.row)
    own = set(row) if "labels" not in row else {"input", "output", "messages", "context"}  # earlier labels give way
    held = held_of(queue, item)
    texts = {actor: queues.texts(label.texts) for actor, label in done_labels(item).items()}
    settled = None if item.settled is None else queues.texts(item.settled.texts)
    latest = settled or next((each for each in reversed(list(texts.values())) if each is not None), None)
    for question in queue.questions:
        column = question.name if question.name not in own else f"label_{question.name}"
        value = _value(question, item, content, held, latest)
        if value is None:
            continue
        if question.kind == "correction":
            row["expected"] = value
        else:
            row[column] = value
    duel = queue.duel
    said = held.get(duel.name) if duel is not None else None
    if said in ("first", "second"):
        best = 0 if said == "first" else 1
        row |= {"chosen": content.answers[best], "rejected": content.answers[1 - best]}
    row["labels"] = [_one(names.get(actor, actor), label, texts[actor]) for actor, label in done_labels(item).items()]
    if item.settled is not None:
        row["settled_by"] = names.get(item.settled_by, item.settled_by)
    return row


def _value(
    question: Question, item: Item, content: ItemContent, held: Mapping[str, str | float], latest: LabelTexts | None
) -> Any:
    written = latest.texts if latest is not None else {}
    if question.kind == "claims":
        found = [
            {
                "claim": claim,
                "verdict": held[f"{question.name}.{at}"],
                "source": written.get(f"{question.name}.{at}", ""),
            }
            for at, claim in enumerate(content.claims)
            if f"{question.name}.{at}" in held
        ]
        return found or None
    if question.kind in ("text", "correction"):
        return written.get(question.name)
    value = held.get(question.name)
    if question.kind == "preference" and item.sides:
        return {"first": item.sides[0], "second": item.sides[1]}.get(str(value), value)
    return value


def _one(name: str, label: Label, texts: LabelTexts | None) -> dict[str, Any]:
    said: dict[str, Any] = {"by": name, **label.values, **(texts.texts if texts is not None else {})}
    if texts is not None and texts.comment:
        said["comment"] = texts.comment
    if label.seconds is not None:
        said["seconds"] = label.seconds
    return said


def _asked(value: Any) -> tuple[tuple[str, str], ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        found: list[tuple[str, str]] = []
        for each in cast("Sequence[Any]", value):
            if not isinstance(each, dict) or "content" not in each:
                return (("", _text(value)),)
            message = cast("dict[str, Any]", each)
            found.append((str(message.get("role", "")), _text(message["content"])))
        return tuple(found)
    return (("", _text(value)),)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        return tuple(_text(each) for each in cast("Sequence[Any]", value))
    return (_text(value),)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=1)
