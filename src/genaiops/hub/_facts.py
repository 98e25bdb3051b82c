"""Claims as items of a queue, what people say of them as scores of traces, and how often the method was wrong."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from genaiops.checks.fact_errors import Decided
from genaiops.checks.facts import METHOD, Checked, Claim
from genaiops.domain import Item, ItemContent, Label, Question, Queue, Score
from genaiops.hub._labelling import done_labels
from genaiops.hub._queue_results import held_of
from genaiops.hub._queues import NewItem, NewQueue, Queues

FACTS: Final = Question(name="facts", kind="claims", title="Is the claim so?")
GUIDELINES: Final = """Say of the claim alone, not of the whole answer, what the best source that you know says of it:

- **supported**: a source says so. Name it.
- **refuted**: a source says something else. Name it.
- **not enough evidence**: you looked, and found no source that says either.

The passage is what a program found nearest to the claim. It may be the wrong one: look further.
"""
_WHOLE: Final = 1 << 32


def fact_queue(name: str, *, labels: int = 2) -> NewQueue:
    """A queue in which two people look at each claim, or one."""
    return NewQueue(
        name=name,
        title="Fact check",
        questions=(FACTS,),
        guidelines=GUIDELINES,
        overlap=2,
        overlap_share=float(labels > 1),
    )


def fact_items(checked: Sequence[Checked], sample: float) -> list[NewItem]:
    """An item for each claim that is not supported, and for the share `sample` of the others, drawn by what they are:
    without those nobody learns what the method misses."""
    return [
        _item(each, claim, sample)
        for each in checked
        for claim in each.claims
        if claim.verdict != "supported" or _drawn(each, claim) < sample
    ]


def _drawn(checked: Checked, claim: Claim) -> float:
    """From 0 to 1, the same whenever it is asked."""
    digest = hashlib.sha256(f"{checked.node}\0{claim.start}\0{claim.text}".encode()).digest()
    return int.from_bytes(digest[:4]) / _WHOLE


def _item(checked: Checked, claim: Claim, sample: float) -> NewItem:
    cited = claim.citation
    row = {
        "input": [{"role": role, "content": text} for role, text in checked.asked],
        "output": checked.answer,
        "claim": claim.text,
        "claims": [claim.text],
        "method": METHOD,
        "verdict": claim.verdict,
        "probability": round(claim.probability, 4),
        "stands_for": 1.0 if claim.verdict != "supported" else round(1 / sample, 4),
        "case": checked.case or checked.node,
        **({} if cited is None else {"passage": cited.quote, "source": cited.source}),
        **({"trace_id": checked.traces[0]} if checked.traces else {}),
    }
    titles = {each.id: each.title for each in checked.sources}
    return NewItem(
        source=f"{checked.node or _digest(checked.answer)}#{claim.start}-{claim.end}",
        sources=checked.nodes,
        case=checked.case or checked.node,
        traces=checked.traces,
        environments=checked.environments,
        content=ItemContent(
            item="",
            asked=(*checked.asked, ("answer", checked.answer)),
            answers=(claim.text,),
            claims=(claim.text,),
            context=() if cited is None else (f"{titles.get(cited.source) or cited.source}: {cited.quote}",),
            row=row,
        ),
    )


def _digest(answer: str) -> str:
    return f"text/{hashlib.sha256(answer.encode()).hexdigest()[:32]}"


def fact_scores(queue: Queue, items: Sequence[Item]) -> list[Score]:
    """Of each trace whose claims somebody looked at, the share that this person calls supported, as a score with the
    name of the question."""
    found: list[Score] = []
    names = [each.name for each in queue.questions if each.kind == "claims"]
    said: dict[tuple[str, str, str], list[Label]] = {}
    for item in items:
        for trace in item.traces if item.state != "erased" else ():
            for actor, label in done_labels(item).items():
                for name in names:
                    said.setdefault((trace, actor, name), []).append(label)
    for (trace, actor, name), labels in said.items():
        verdicts = [value for label in labels for value in _verdicts(label, name)]
        if not verdicts:
            continue
        at_us = max(label.at_us for label in labels)
        good = verdicts.count("supported")
        found.append(
            Score(
                identifier=f"{queue.id}/{trace}/{actor}/{name}/{at_us}/{len(verdicts)}",
                trace_id=bytes.fromhex(trace),
                name=name,
                value=good / len(verdicts),
                comment=f"{good} of {len(verdicts)} claims that were looked at are supported.",
                source="person",
                created_us=at_us,
                created_by=actor,
            )
        )
    return found


def _verdicts(label: Label, name: str) -> Iterator[str]:
    for place, value in label.values.items():
        if place.partition(".")[0] == name:
            yield str(value)


def decided_claims(queues: Queues, queue: Queue, items: Sequence[Item]) -> list[Decided]:
    """The claims that people agree on, or that were settled, beside what the method had said of them."""
    names = {each.name for each in queue.questions if each.kind == "claims"}
    found: list[Decided] = []
    for item in items:
        held = [str(value) for name, value in held_of(queue, item).items() if name.partition(".")[0] in names]
        if item.state not in ("done", "settled") or len(held) != 1:
            continue
        content = queues.content(item)
        row: Mapping[str, object] = content.row if content is not None else {}
        if row.get("method") != METHOD:
            continue
        likely, stands = row.get("probability"), row.get("stands_for", 1.0)
        found.append(
            Decided(
                answer=str(row.get("case") or item.source.partition("#")[0]),
                flagged=row.get("verdict") != "supported",
                wrong=held[0] != "supported",
                probability=likely if isinstance(likely, float) else None,
                weight=stands if isinstance(stands, float) else 1.0,
            )
        )
    return found
