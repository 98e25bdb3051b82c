"""Suites as people write them: TOML, YAML or JSON, read strictly, and whatever is wrong told with its line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.arena._parts import templated
from genaiops.arena._scoring import threshold_of
from genaiops.arena._shots import known_fields
from genaiops.checks.metrics import metric, unready
from genaiops.checks.metrics.judges import is_duel
from genaiops.checks.written import Fault, WrittenForm, converted, on_line, read_document
from genaiops.core.digest import digest_value
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.money import to_nano
from genaiops.domain import (
    Case,
    CaseSource,
    MetricCard,
    Suite,
    SuiteCheck,
    SuiteGate,
    SuiteRunning,
    SuiteShots,
    SuiteTarget,
    SuiteWatch,
)

LARGEST: Final = 20_000_000
"""Characters of a suite's text. Many cases belong into a file beside it, or into a dataset."""
MOST_FAULTS: Final = 50
VARIABLE: Final = "variables:"
"""Fields of a source that begin so are one variable each: `variables:NAME`."""
PROD: Final = "prod"
"""As a baseline: what is in production, of the application that the one target is a candidate for."""
WAYS: Final = ("model", "prompt", "application", "release", "url", "python", "script", "recorded")

_LISTS: Final[Mapping[str, type]] = {"case": Case, "cases": CaseSource, "target": SuiteTarget, "check": SuiteCheck}
_TABLES: Final[Mapping[str, type]] = {"run": SuiteRunning, "gate": SuiteGate, "watch": SuiteWatch, "shots": SuiteShots}
_JUDGED: Final = ("floor", "margin", "tolerance")
_ONE_FIGURE: Final = {
    "improves": "claims are made of single cases",
    "tolerance": "no case fails",
    "negate": "no case passes",
}


class ReadSuite(msgspec.Struct, frozen=True):
    """`suite` None: there are faults."""

    suite: Suite | None
    faults: tuple[Fault, ...] = ()

    def checked(self) -> Suite:
        """UsageError names every fault, the first one's path as `param`."""
        if self.suite is None:
            first = self.faults[0]
            raise UsageError(
                f"The suite is refused: {'; '.join(map(str, self.faults))}",
                remedy=first.remedy,
                code="suite_invalid",
                param=first.path or "suite",
            )
        return self.suite


def read_suite(text: str, form: WrittenForm | None = None) -> ReadSuite:
    """The suite that a text describes. `form` None: what it looks like."""
    document = read_document(text, form, what="suite", most=LARGEST)
    if document.fault is not None:
        return ReadSuite(None, (document.fault,))
    read = read_suite_document(document.value)
    return ReadSuite(read.suite, tuple(on_line(fault, document.lines) for fault in read.faults))


def read_suite_document(document: Any) -> ReadSuite:
    """The same of what was read already. Each case, target and check is looked at, so that one fault does not hide the
    others (the first 50 are told)."""
    if not isinstance(document, dict):
        return ReadSuite(None, (Fault(message="The suite is no mapping.", remedy="Write fields, such as check."),))
    fields = cast("dict[str, Any]", document)
    faults: list[Fault] = []
    parts: dict[str, Any] = {}
    for name, kind in _LISTS.items():
        parts[name], wrong = _each(fields.get(name, ()), kind, name)
        faults += wrong
    for name, kind in _TABLES.items():
        if name in fields:
            parts[name], fault = converted(fields[name], kind, name)
            faults += [fault] if fault is not None else []
    rest, fault = converted({name: value for name, value in fields.items() if name not in parts}, Suite, "")
    faults = [fault, *faults] if fault is not None else faults
    if not faults:
        suite = msgspec.structs.replace(rest, **parts)
        faults = list(_meaning(suite))
        if not faults:
            return ReadSuite(_named(suite))
    return ReadSuite(None, tuple(faults[:MOST_FAULTS]))


def suite_schema() -> dict[str, Any]:
    """JSON Schema of a suite, for editors."""
    schema = msgspec.json.schema(Suite)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "genaiops suite", **schema}


def suite_manifest(suite: Suite) -> dict[str, Any]:
    """What a version of it holds: all that is not the default, and the kind."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(suite))
    return {"kind": "suite", **plain}


def case_id(case: Case) -> str:
    """The id of a case that names none: made of what is asked and what is expected."""
    plain: dict[str, Any] = msgspec.to_builtins(case)
    plain.pop("id", None)
    return digest_value(plain).removeprefix("sha256:")[:16]


def identified(cases: Sequence[Case]) -> tuple[Case, ...]:
    """Each with an id. The same case again gets a number behind it: it is asked as often as it stands there."""
    seen: Counter[str] = Counter()
    named: list[Case] = []
    for case in cases:
        name = case.id or case_id(case)
        seen[name] += 1
        name = name if seen[name] == 1 or case.id else f"{name}.{seen[name]}"
        named.append(msgspec.structs.replace(case, id=name))
    return tuple(named)


def _named(suite: Suite) -> Suite:
    checks = _check_names(suite.check)
    return msgspec.structs.replace(
        suite,
        case=identified(suite.case),
        check=tuple(msgspec.structs.replace(each, name=name) for each, name in zip(suite.check, checks, strict=True)),
    )


def _check_names(checks: Sequence[SuiteCheck]) -> list[str]:
    """A check without a name is called as its metric, with a number where that is taken."""
    taken = {check.name for check in checks if check.name}
    names: list[str] = []
    for check in checks:
        name = check.name or ("not-" if check.negate else "") + check.metric
        number = 2
        while not check.name and name in taken:
            name = f"{check.metric}-{number}"
            number += 1
        taken.add(name)
        names.append(name)
    return names


def _each(given: Any, kind: type, name: str) -> tuple[tuple[Any, ...], list[Fault]]:
    if not isinstance(given, list | tuple):
        return (), [Fault(message=f"{name} is no list.", path=name, remedy=f"Write [[{name}]] for each.")]
    made: list[Any] = []
    faults: list[Fault] = []
    for number, raw in enumerate(cast("Sequence[Any]", given)):
        one, fault = converted(raw, kind, f"{name}[{number}]")
        made += [one] if fault is None else []
        faults += [fault] if fault is not None else []
        if len(faults) >= MOST_FAULTS:
            break
    return tuple(made), faults


def _meaning(suite: Suite) -> Iterator[Fault]:
    """What is well formed and cannot be meant."""
    yield from _twice("case", [case.id for case in suite.case])
    yield from _twice("target", [target.name for target in suite.target])
    yield from _twice("check", [check.name for check in suite.check])
    for number, source in enumerate(suite.cases):
        yield from _source_faults(source, f"cases[{number}]")
    if suite.shots is not None:
        yield from _shots_faults(suite.shots)
    for number, target in enumerate(suite.target):
        yield from _target_faults(target, f"target[{number}]")
    for number, check in enumerate(suite.check):
        yield from _check_faults(suite, check, f"check[{number}]")
    names = {target.name for target in suite.target}
    if suite.gate.baseline and suite.gate.baseline not in names | {PROD}:
        there = ", ".join(sorted(names | {PROD}))
        message = f"No target is called {suite.gate.baseline!r}."
        yield Fault(message=message, path="gate.baseline", remedy=f"There are: {there}.")
    for number, name in enumerate(suite.protects):
        kind, _, rest = name.partition("/")
        if kind not in ("prompt", "app") or not all(rest.rpartition("@")[::2]):
            message = f"{name[:80]!r} names nothing that a suite protects."
            remedy = "Write prompt/NAME@prod, or app/NAME@prod."
            yield Fault(message=message, path=f"protects[{number}]", remedy=remedy)
    if suite.run.spend is not None:
        try:
            amount = to_nano(suite.run.spend)
        except UsageError:
            amount = 0
        if amount <= 0:
            message = f"{suite.run.spend[:40]!r} is no amount."
            yield Fault(message=message, path="run.spend", remedy='Write it as "0.50".')


def _twice(kind: str, names: Sequence[str]) -> Iterator[Fault]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name and name in seen:
            message = f"Another {kind} before it is called {name!r}, too."
            field = "id" if kind == "case" else "name"
            yield Fault(message=message, path=f"{kind}[{number}].{field}", remedy="Give each a name of its own.")
        seen.add(name)


def _source_faults(source: CaseSource, path: str) -> Iterator[Fault]:
    given = [name for name in ("file", "dataset", "traces") if getattr(source, name)]
    if len(given) != 1:
        said = "none of them" if not given else " and ".join(given)
        message = f"Cases come from one of file, dataset and traces; this says {said}."
        yield Fault(message=message, path=path, remedy="Write one [[cases]] for each source.")
    named = {name for name in source.fields if not name.startswith(VARIABLE)}
    unknown = sorted(named - set(Case.__struct_fields__))
    if unknown:
        fields = ", ".join(Case.__struct_fields__)
        message = f"A case has no field {unknown[0]!r}."
        yield Fault(
            message=message, path=f"{path}.fields.{unknown[0]}", remedy=f"There are: {fields}, and {VARIABLE}NAME."
        )


def _shots_faults(shots: SuiteShots) -> Iterator[Fault]:
    if bool(shots.file) == bool(shots.dataset):
        message = "Examples come from one of file and dataset."
        yield Fault(message=message, path="shots", remedy="Write one of them.")
    for name in known_fields(shots):
        yield Fault(message=f"A case has no field {name!r}.", path=f"shots.fields.{name}", remedy="Leave it out.")


def _target_faults(target: SuiteTarget, path: str) -> Iterator[Fault]:
    given = [way for way in WAYS if getattr(target, way)]
    if given not in ([way] for way in WAYS) and given != ["model", "prompt"]:
        said = "none of them" if not given else " and ".join(given)
        message = f"A target is one of {', '.join(WAYS)} (a prompt may name a model, too); this says {said}."
        yield Fault(message=message, path=path, remedy="Keep one of them.")
    if (target.request or target.answer or target.secret) and not target.url:
        yield Fault(message="Only a url has request, answer and secret.", path=path, remedy="Leave them out.")
    if target.template and (target.prompt or target.recorded):
        message = "A prompt has its own text, and what is recorded is not asked."
        yield Fault(message=message, path=f"{path}.template", remedy="Leave it out.")
    try:
        templated(target, Case())
    except UsageError as error:
        yield Fault(message=error.message, path=f"{path}.template", remedy=error.remedy or "Mend that place.")
    if target.passages is not None and target.context_tokens is not None:
        message = "passages and context_tokens are two words for how much context it takes."
        yield Fault(message=message, path=path, remedy="Keep one of them.")
    if target.python and target.python.count(":") != 1:
        message = f"{target.python[:60]!r} names no function."
        yield Fault(message=message, path=f"{path}.python", remedy="Write it as package.module:function.")


def _check_faults(suite: Suite, check: SuiteCheck, path: str) -> Iterator[Fault]:
    try:
        found = metric(check.metric, check.options)
    except NotFound as error:
        yield Fault(message=error.message, path=f"{path}.metric", remedy=error.remedy or "")
        return
    except UsageError as error:
        yield Fault(message=error.message, path=f"{path}.options", remedy=error.remedy or "")
        return
    card = found.card
    if unready(found):
        yield Fault(message=unready(found), path=f"{path}.metric")
    compares = check.margin is not None or check.improves
    if compares and not suite.gate.baseline:
        yield Fault(
            message="There is nothing that it could be compared with.",
            path=f"{path}.{'margin' if check.margin is not None else 'improves'}",
            remedy='Name a target as the baseline: [gate] baseline = "...".',
        )
    decides = compares or any(getattr(check, name) is not None for name in _JUDGED)
    if decides and card.better == "neither" and check.threshold is None:
        yield Fault(
            message=f"Of {card.title.lower()} neither more nor less is better.",
            path=path,
            remedy="Give it a threshold, or let it only inform.",
        )
    if check.tolerance is not None and threshold_of(check, card) is None:
        yield Fault(
            message="A share that fails needs a threshold to fail at.",
            path=f"{path}.tolerance",
            remedy="Write threshold = ...",
        )
    if is_duel(found):
        yield from _duel_faults(suite, check, path)
    yield from _pass_at_faults(suite, check, card, path)
    if card.over == "corpus":
        for field in _ONE_FIGURE:
            if getattr(check, field) not in (None, False):
                message = f"{card.title} is one figure of all cases: {_ONE_FIGURE[field]}."
                yield Fault(message=message, path=f"{path}.{field}", remedy="Take a floor or a margin.")
    yield from _never_shown(check, card, path)


def _duel_faults(suite: Suite, check: SuiteCheck, path: str) -> Iterator[Fault]:
    if not suite.gate.baseline:
        yield Fault(
            message="There is no baseline that it could be held against.",
            path=f"{path}.options",
            remedy='Name a target as the baseline: [gate] baseline = "...".',
        )
    if check.margin is not None or check.improves:
        yield Fault(
            message="A duel is held against the baseline already: its figure is the rate of winning.",
            path=f"{path}.{'margin' if check.margin is not None else 'improves'}",
            remedy="Take a floor: 0.5 is as good as the baseline.",
        )


def _pass_at_faults(suite: Suite, check: SuiteCheck, card: MetricCard, path: str) -> Iterator[Fault]:
    at = f"{path}.pass_at"
    if check.pass_at is None:
        return
    if card.over == "corpus" or threshold_of(check, card) is None:
        yield Fault(
            message="No case passes, or fails, by it.", path=at, remedy="Write threshold = ..., or leave it out."
        )
    if check.pass_at > suite.run.repeats:
        message = f"pass@{check.pass_at} takes as many repeats, and there are {suite.run.repeats}."
        yield Fault(message=message, path=at, remedy=f"Write [run] repeats = {check.pass_at} or more.")
    if check.floor is None and check.margin is None and not check.improves:
        yield Fault(message="Nothing is asked of it.", path=at, remedy="Write floor = ..., margin = ... or improves.")


def _never_shown(check: SuiteCheck, card: MetricCard, path: str) -> Iterator[Fault]:
    """Conditions that no number of cases could show, because they lie at the end of the range."""
    every = "To want every case to pass, leave all bounds out; else take 0.99 or its like."
    if check.tolerance == 0:
        message = "No number of cases shows that none fails."
        yield Fault(message=message, path=f"{path}.tolerance", remedy=every.replace("0.99", "0.01"))
    if check.floor is None or card.over == "corpus":
        return
    passes = check.threshold is not None or check.negate or check.pass_at is not None
    end = 1.0 if passes else card.low if card.better == "lower" else card.high
    falling = card.better == "lower" and not passes
    if end is not None and (check.floor <= end if falling else check.floor >= end):
        message = f"No number of cases shows a mean of {end:g}: it is the end of the range."
        yield Fault(message=message, path=f"{path}.floor", remedy=every)
