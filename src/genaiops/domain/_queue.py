"""Queues of items that people label: what is asked of each item, who labels it, and what they said."""

from typing import Any, Final, Literal

import msgspec

QuestionKind = Literal["choice", "scale", "text", "correction", "claims", "preference"]
"""`correction`: the answer as it should have been. `claims`: a verdict and a source for each claim of the answer.
`preference`: which of two answers is better, of a duel."""
Preference = Literal["first", "second", "tie", "both_bad"]
ItemState = Literal["open", "done", "disputed", "settled", "erased"]
"""`disputed`: its labels differ, and nobody has settled it. `erased`: whose data it held is erased."""
LabelState = Literal["assigned", "done", "skipped"]
QueueState = Literal["open", "closed"]
ItemOrder = Literal["added", "shuffled"]

CLAIM_VERDICTS: Final = ("supported", "refuted", "not_enough_evidence")


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be chosen. `worth`, from 0 to 1: what a judge's verdict of the same would be worth (None: it stands for
    no figure)."""

    name: str
    worth: float | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that is asked of each item. `options`: of a choice, and of claims their verdicts (none:
    CLAIM_VERDICTS). `least` to `most`: of a scale, whole numbers, the best last. `tolerance`: how far labels of a scale
    may lie apart without being disputed."""

    name: str
    kind: QuestionKind
    title: str = ""
    options: tuple[Option, ...] = ()
    least: int = 1
    most: int = 5
    tolerance: int = 0
    optional: bool = False


class Queue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items that people label. `id` is its name, `guidelines` are Markdown and `revision` counts their versions.
    `overlap`: how many people label an item of the `overlap_share` of the items (0 to 1) that are labelled more than
    once; the others are labelled by one. `labellers` are actors (none: whoever may label). `blind`: they see neither
    what made an answer nor what others said of it. An item that somebody was given is theirs for `lease_minutes`."""

    id: str
    tenant_id: str = "default"
    title: str = ""
    guidelines: str = ""
    revision: int = 1
    questions: tuple[Question, ...]
    labellers: tuple[str, ...] = ()
    overlap: int = 2
    overlap_share: float = 0.0
    blind: bool = True
    order: ItemOrder = "added"
    lease_minutes: int = 30
    state: QueueState = "open"
    created_us: int
    created_by: str = ""

    @property
    def duel(self) -> Question | None:
        """Its question about two answers; None: each item is one answer."""
        return next((each for each in self.questions if each.kind == "preference"), None)


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one person said of an item. `values`: question -> an option, a number or a Preference (`question.N`: of the
    claim N, from 0). What they wrote stands in the blob `texts`. `until_us`: until when it is theirs alone, while it is
    `assigned`. `swapped`: the second answer of a duel stood at the left. `revision`: of the guidelines that held.
    `edits`: how often it was changed. `seconds`: how long it took them."""

    state: LabelState
    at_us: int
    until_us: int = 0
    values: dict[str, str | int] = {}
    texts: str = ""
    seconds: float | None = None
    swapped: bool = False
    revision: int = 1
    edits: int = 0


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to label. `place` counts from 1 in its queue; `source` says what it is, once in a queue (`trace/HEX`,
    `dataset/x@sha256:...#12`, `run/ID/case/answer`); `sources` are its nodes of lineage. What it shows stands in the
    blob `content`. `sides`: whose answers a duel is between. `case`: which prompt it is of. `wanted`: how many people
    label it. `labels`: actor -> label; `settled` is what holds where they differ, and `settled_by` whose word that is.
    `traces` and `environments`: whose content it is made of."""

    id: str
    queue_id: str
    tenant_id: str = "default"
    place: int
    state: ItemState = "open"
    source: str
    sources: tuple[str, ...] = ()
    case: str = ""
    traces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    content: str
    claims: int = 0
    wanted: int = 1
    labels: dict[str, Label] = {}
    settled: Label | None = None
    settled_by: str = ""
    created_us: int
    created_by: str = ""


class ItemContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an item shows. `item` is its id, so that no two items share a blob. `asked`: (role, text) of what was said
    before the answer; `answers`: one, or two of a duel; a picture is a data URL. `row`: all that is known of it, as it
    stands in a dataset that is made of the labels."""

    item: str
    asked: tuple[tuple[str, str], ...] = ()
    answers: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    row: dict[str, Any] = {}


class LabelTexts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody wrote about an item: question -> text (`question.N`: the source for the claim N)."""

    item: str
    texts: dict[str, str] = {}
    comment: str = ""
