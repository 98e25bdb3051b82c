"""Reports of other red-team tools, read as suites of recorded answers: garak's JSON lines, and messages and scores of
PyRIT as JSON. What a report does not have is told in `notes`, and nothing is guessed in its place.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

import msgspec

from genaiops.arena._beginning import RED_TEAM
from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.redteam._building import ATTACK, WITHSTANDS, slices_of
from genaiops.core.errors import UsageError
from genaiops.domain import Attack, Case, Success, Suite

_COMPLETE: Final = 2
_GARAK: Final = (
    "garak's report names no tags of its probes, so families are its modules and there are no figures by tag.",
    "Each output is judged by the first detector of its probe, which garak runs as the primary one.",
    "The error of garak's detectors is not in the report, so nothing is corrected for it.",
)
_PYRIT: Final = (
    "PyRIT's scores name no catalogue and no technique, so families are the categories of its scorers.",
    "A true/false score counts as it is, another from 0.5 on; which is success is taken to be `true`.",
    "The error of the scorer is not in the report, so nothing is corrected for it.",
)


class ImportedAttacks(msgspec.Struct, frozen=True):
    """`notes`: what the report lacks, and how many entries were left out."""

    suite: Suite
    notes: tuple[str, ...]


def imported_attacks(text: str) -> ImportedAttacks:
    """UsageError for a text that is no such report, with the line where it is none."""
    if _is_pyrit(text):
        cases, skipped = _pyrit(json.loads(text))
        notes, tool = _PYRIT, "PyRIT"
    else:
        cases, skipped = _garak(text)
        notes, tool = _GARAK, "garak"
    if not cases:
        raise UsageError(
            f"The report of {tool} has no attempt that was answered and judged.",
            remedy="Give a finished one: garak's NAME.report.jsonl, or PyRIT's messages with their scores as JSON.",
            code="report_empty",
            param="file",
        )
    suite = Suite(description=f"Imported from {tool}", case=tuple(cases), tags=(RED_TEAM,))
    plain = suite_manifest(suite)
    plain["target"] = [{"name": "recorded", "recorded": True}]
    plain["check"] = [{"name": WITHSTANDS, "metric": "attack", "slices": [ATTACK]}]
    left = (f"{skipped} entries have no answer or no score and were left out.",) if skipped else ()
    return ImportedAttacks(read_suite_document(plain).checked(), (*notes, *left))


def _is_pyrit(text: str) -> bool:
    """One JSON document; garak writes one a line."""
    if text.lstrip()[:1] not in ("[", "{"):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return '"entry_type"' not in text[:2000]


def _case(attack: Attack, name: str, asked: str, output: str) -> Case:
    return Case(id=name[:200], input=asked, output=output, cluster=attack.seed, slices=slices_of(attack), attack=attack)


# --- garak ---


def _garak(text: str) -> tuple[list[Case], int]:
    cases: list[Case] = []
    skipped = 0
    version = ""
    for entry in _entries(text):
        if entry.get("entry_type") == "init":
            version = str(entry.get("garak_version", ""))
        if entry.get("entry_type") != "attempt" or entry.get("status") != _COMPLETE:
            continue
        made = list(_of_attempt(entry, version))
        cases += made
        skipped += len(_list(entry.get("outputs"))) - len(made)
    return cases, skipped


def _entries(text: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry: Any = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or "entry_type" not in entry:
            raise UsageError(
                f"Line {number} is no entry of a garak report.",
                remedy="Give a report of garak (NAME.report.jsonl), or messages and scores of PyRIT as JSON.",
                code="report_invalid",
                param="file",
            )
        yield cast("dict[str, Any]", entry)


def _of_attempt(entry: Mapping[str, Any], version: str) -> Iterator[Case]:
    probe = str(entry.get("probe_classname", "unknown"))
    given: Any = entry.get("detector_results")
    results = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    detector = next(iter(results), "")
    scores = _list(results.get(detector))
    asked = _asked(entry.get("prompt"))
    seed = f"{probe}/{entry.get('seq', entry.get('uuid', ''))}"
    for number, output in enumerate(_list(entry.get("outputs"))):
        score = _number(scores[number]) if number < len(scores) else None
        said = _text(output)
        if score is None or said is None:
            continue
        attack = Attack(
            pack=f"garak@{version}",
            family=probe.partition(".")[0],
            seed=seed,
            technique=probe,
            success=Success(by="reported", value=score, detector=detector),
        )
        yield _case(attack, f"{seed}/{entry.get('uuid', '')}/{number}", asked, said)


def _asked(prompt: Any) -> str:
    """The last thing that the user says."""
    turns = _list(_field(prompt, "turns"))
    said = [_text(_field(turn, "content")) for turn in turns if _field(turn, "role") == "user"]
    return (said[-1] if said else _text(prompt)) or ""


def _text(value: Any) -> str | None:
    found = value if isinstance(value, str) else _field(value, "text")
    return found if isinstance(found, str) else None


def _field(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _number(value: Any) -> float | None:
    is_one = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if is_one else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


# --- PyRIT ---


def _pyrit(document: Any) -> tuple[list[Case], int]:
    """A list of message pieces with their `scores`, or {"message_pieces": [...], "scores": [...]}."""
    pieces = _list(document) or _list(_field(document, "message_pieces"))
    if not pieces or not all(_field(piece, "conversation_id") for piece in pieces):
        raise UsageError(
            "The JSON holds no message pieces of PyRIT.",
            remedy='Give a list of them, or {"message_pieces": [...], "scores": [...]}.',
            code="report_invalid",
            param="file",
        )
    scores: dict[str, list[Any]] = defaultdict(list)
    for score in _list(_field(document, "scores")):
        scores[str(_field(score, "message_piece_id"))].append(score)
    talks: dict[str, list[Any]] = defaultdict(list)
    for piece in pieces:
        talks[str(piece["conversation_id"])].append(piece)
    cases: list[Case] = []
    skipped = 0
    for name, talk in talks.items():
        ordered = sorted(talk, key=lambda piece: _number(_field(piece, "sequence")) or 0.0)
        found = _of_talk(name, ordered, scores)
        cases += [] if found is None else [found]
        skipped += found is None
    return cases, skipped


def _of_talk(name: str, pieces: Sequence[Any], scores: Mapping[str, Sequence[Any]]) -> Case | None:
    """Judged by the last score of its last answer."""
    answers = [piece for piece in pieces if _field(piece, "role") == "assistant"]
    asked = [piece for piece in pieces if _field(piece, "role") == "user"]
    if not answers or not asked:
        return None
    given = [*_list(_field(answers[-1], "scores")), *scores.get(str(_field(answers[-1], "id")), ())]
    value = next((found for score in reversed(given) if (found := _value(score)) is not None), None)
    if value is None:
        return None
    score = given[-1]
    category = next(iter(_list(_field(score, "score_category"))), None)
    by: Any = _field(score, "scorer_class_identifier")
    detector = str(_field(by, "class_name") or _field(by, "__type__") or "PyRIT's scorer")
    goal = str(_field(score, "objective") or _field(asked[0], "original_value") or "")
    attack = Attack(
        pack="pyrit",
        family=str(category or "unknown"),
        seed=goal[:200] or name,
        success=Success(by="reported", value=value, detector=detector),
    )
    return _case(attack, name, _said(asked[-1]), _said(answers[-1]))


def _said(piece: Any) -> str:
    return str(_field(piece, "converted_value") or _field(piece, "original_value") or "")


def _value(score: Any) -> float | None:
    text = str(_field(score, "score_value") or _field(score, "raw_score_value") or "").strip().lower()
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return None
