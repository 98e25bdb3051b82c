"""Judges as people write them: TOML, YAML or JSON; what is wrong is told with its line."""

from collections.abc import Iterator
from typing import Any

import msgspec

from genaiops.checks.judging._templates import TEMPLATES, choices_of
from genaiops.checks.written import Fault, WrittenForm, converted, on_line, read_document
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import Judge, JudgeMember

_WAYS = ("model", "url", "python")


class ReadJudge(msgspec.Struct, frozen=True):
    """`judge` None: there are faults."""

    judge: Judge | None
    faults: tuple[Fault, ...] = ()

    def checked(self) -> Judge:
        """UsageError names every fault, the first one's path as `param`."""
        if self.judge is None:
            raise UsageError(
                f"The judge is refused: {'; '.join(map(str, self.faults))}",
                remedy=self.faults[0].remedy,
                code="judge_invalid",
                param=self.faults[0].path or "judge",
            )
        return self.judge


def read_judge(text: str, form: WrittenForm | None = None) -> ReadJudge:
    """The judge that a text describes. `form` None: what it looks like."""
    document = read_document(text, form, what="judge")
    if document.fault is not None:
        return ReadJudge(None, (document.fault,))
    read = read_judge_document(document.value)
    return ReadJudge(read.judge, tuple(on_line(fault, document.lines) for fault in read.faults))


def read_judge_document(document: Any) -> ReadJudge:
    """The same of what was read already."""
    if not isinstance(document, dict):
        return ReadJudge(None, (Fault(message="The judge is no mapping.", remedy="Write fields, such as template."),))
    judge, fault = converted(document, Judge, "")
    if fault is not None:
        return ReadJudge(None, (fault,))
    faults = tuple(_meaning(judge))
    return ReadJudge(None if faults else judge, faults)


def judge_schema() -> dict[str, Any]:
    """JSON Schema of a judge, for editors."""
    schema = msgspec.json.schema(Judge)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "genaiops judge", **schema}


def judge_manifest(judge: Judge) -> dict[str, Any]:
    """What a version of it holds: all that is not the default, and the kind."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(judge))
    return {"kind": "judge", **plain}


def judge_digest(judge: Judge) -> str:
    """Of all that its verdicts depend on: who is asked, and what. A calibration belongs to one digest, and is not part
    of it."""
    plain = judge_manifest(msgspec.structs.replace(judge, calibration=None, description="", threshold=None))
    return digest_value({**plain, "asked": _wording(judge)})


def _wording(judge: Judge) -> str:
    """The template's own words: a judge whose template changed is another one."""
    return digest_value(TEMPLATES[judge.template])


def _meaning(judge: Judge) -> Iterator[Fault]:
    template = TEMPLATES[judge.template]
    if bool(judge.model) == bool(judge.panel):
        what = "Neither a model nor a panel is named." if not judge.model else "Both a model and a panel are named."
        yield Fault(message=what, path="model", remedy='Write model = "NAME", or [[panel]] for each.')
    if judge.parameters and judge.panel:
        what = "Each member of a panel has its own parameters."
        yield Fault(message=what, path="parameters", remedy="Move them into [[panel]].")
    for number, member in enumerate(judge.panel):
        yield from _member_faults(member, f"panel[{number}]")
    if template.rubric and not judge.rubric.strip():
        what = f"The template {judge.template} asks by a {template.rubric}, and there is none."
        yield Fault(message=what, path="rubric", remedy="Write rubric = '''...'''.")
    if judge.rubric and not template.rubric:
        what = f"The template {judge.template} asks by no rubric."
        yield Fault(message=what, path="rubric", remedy="Leave it out, or use the template rubric.")
    yield from _choice_faults(judge)
    if judge.calibration is not None and judge.calibration.judge != judge_digest(judge):
        what = "The calibration was measured of another judge than this one is now."
        yield Fault(message=what, path="calibration", remedy="Measure it: genaiops judge calibrate.")


def _member_faults(member: JudgeMember, path: str) -> Iterator[Fault]:
    given = [way for way in _WAYS if getattr(member, way)]
    if len(given) != 1:
        said = " and ".join(given) or "none of them"
        yield Fault(message=f"A member is one of {', '.join(_WAYS)}; this says {said}.", path=path)
    if member.secret and not member.url:
        yield Fault(message="Only a url has a secret.", path=f"{path}.secret", remedy="Leave it out.")


def _choice_faults(judge: Judge) -> Iterator[Fault]:
    if judge.choices and judge.template in ("groundedness", "pairwise"):
        what = f"The template {judge.template} has choices of its own."
        yield Fault(message=what, path="choices", remedy="Leave them out.")
        return
    words = [each.word.casefold() for each in choices_of(judge)]
    if judge.choices and (len(set(words)) < len(words) or len(words) < 2):
        yield Fault(message="There are fewer than two choices, or a word stands twice.", path="choices")
    for number, example in enumerate(judge.examples):
        if judge.template in ("groundedness", "pairwise"):
            what = f"The template {judge.template} takes no examples."
            yield Fault(message=what, path=f"examples[{number}]", remedy="Leave them out.")
        elif example.verdict.casefold() not in words:
            there = ", ".join(each.word for each in choices_of(judge))
            what = f"{example.verdict[:40]!r} is no verdict of this judge."
            yield Fault(message=what, path=f"examples[{number}].verdict", remedy=f"There are: {there}.")
