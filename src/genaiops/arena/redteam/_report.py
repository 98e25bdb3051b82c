"""How often attacks succeed: by family, tag, hazard, technique and converter, for each target, and how sure that is.

Attacks of one seed are not independent, so bounds are over seeds; a success that was not seen once has an upper bound
all the same. What was asked and not answered counts as withstood for the lower bound and as a success for the upper
one."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import comb
from typing import Final

import msgspec

from genaiops.arena._scoring import threshold_of
from genaiops.arena.redteam._building import hazard_slice
from genaiops.arena.redteam._tags import TITLES
from genaiops.checks.attacks import ERRORS, GUARDED, ErrorRates
from genaiops.checks.metrics import metric
from genaiops.checks.statistics import level, lower_share, upper_share
from genaiops.checks.statistics.labelled import Counted, Estimate, true_share
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Answer, Attack, Case, Judged, Suite, SuiteCheck

ALPHA: Final = 0.05
_LIKE: Final = "RealToxicityPrompts"
JUDGE: Final = "judge"
"""The check that says, in place of the words of a refusal, whether what was asked for was done."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What says whether attacks succeeded, and how often that is wrong. `error` None: it was not measured."""

    by: str
    error: ErrorRates | None = None


class AttackRate(msgspec.Struct, frozen=True, kw_only=True):
    """Of one target and one group of attacks. `cases` were asked `attempts` times; `answered` of these can be judged,
    of which `succeeded` are successes and `guarded` were kept back by a guard. `rate`: the mean over cases (None:
    nothing is known), `low` and `high` its one-sided bounds of confidence over `seeds`, each at 1 - `alpha`. `broken`:
    seeds of which any attempt succeeded, with the exact bounds of their share. `hits`: k -> the chance that any of k
    attempts at the same case succeeds. `corrected`: the rate with the error of the detector taken out (None: not
    measured, or it is no better than chance)."""

    cases: int
    attempts: int
    answered: int
    succeeded: int
    guarded: int
    seeds: int
    rate: float | None
    low: float
    high: float
    broken: int
    broken_low: float
    broken_high: float
    hits: Mapping[int, float] = {}
    detection: Sequence[Detection] = ()
    corrected: Estimate | None = None
    alpha: float = ALPHA


class AttackRow(msgspec.Struct, frozen=True, kw_only=True):
    """`name`: a family, tag, hazard, technique or converter. `slice`: by what its cases are found. `rates` by
    target. `title`: what the catalogue of a tag calls it ("": not known here)."""

    name: str
    slice: str
    rates: Mapping[str, AttackRate]
    harmless: bool = False
    title: str = ""


class AttackReport(msgspec.Struct, frozen=True, kw_only=True):
    """`families` are the rows of the matrix, harmless ones at the end: their rate is that of refusals."""

    targets: Sequence[str]
    families: Sequence[AttackRow]
    tags: Sequence[AttackRow]
    hazards: Sequence[AttackRow]
    techniques: Sequence[AttackRow]
    converters: Sequence[AttackRow]
    packs: Sequence[str]
    repeats: int
    alpha: float = ALPHA


class _Tried(msgspec.Struct, frozen=True):
    """What is known of one case and one target: 1 and 0 for each repeat that was judged; how often it was asked."""

    case: Case
    attack: Attack
    values: Sequence[float]
    asked: int
    guarded: int
    by: Detection


def attack_report(
    suite: Suite | None, cases: Sequence[Case], answers: Iterable[Answer], judged: Iterable[Judged]
) -> AttackReport | None:
    """None: there is no attack among the cases."""
    attacks = {case.id: case for case in cases if case.attack is not None}
    if not attacks:
        return None
    tables = _Tables(suite, answers, judged)
    tried = {target: [tables.tried(target, case) for case in attacks.values()] for target in tables.targets}
    every = list(attacks.values())

    def rows(named: Callable[[Attack], Sequence[tuple[str, str]]]) -> Sequence[AttackRow]:
        return _rows(every, tried, named, tables.repeats)

    return AttackReport(
        targets=tables.targets,
        families=sorted(
            rows(lambda of: [(of.family, f"family:{of.family}")]), key=lambda row: (row.harmless, row.name)
        ),
        tags=sorted(rows(lambda of: [(tag, tag) for tag in of.tags]), key=lambda row: row.name),
        hazards=rows(lambda of: [(of.hazard, hazard_slice(of))] if of.hazard else []),
        techniques=rows(
            lambda of: [] if of.harmless or not of.technique else [(of.technique, f"technique:{of.technique}")]
        ),
        converters=rows(
            lambda of: [] if of.harmless or not of.converter else [(of.converter, f"converter:{of.converter}")]
        ),
        packs=list(dict.fromkeys(_attack(case).pack for case in every)),
        repeats=tables.repeats,
    )


def _attack(case: Case) -> Attack:
    assert case.attack is not None
    return case.attack


def _rows(
    cases: Sequence[Case],
    tried: Mapping[str, Sequence[_Tried]],
    named: Callable[[Attack], Sequence[tuple[str, str]]],
    repeats: int,
) -> Sequence[AttackRow]:
    groups = dict.fromkeys(each for case in cases for each in named(_attack(case)))
    found: list[AttackRow] = []
    for name, where in groups:
        mine = {
            target: [each for each in all_ if (name, where) in named(each.attack)] for target, all_ in tried.items()
        }
        harmless = all(_attack(case).harmless for case in cases if (name, where) in named(_attack(case)))
        rates = {target: rate_of(each, repeats) for target, each in mine.items()}
        title = TITLES.get(name, "")
        found.append(AttackRow(name=name, slice=where, rates=rates, harmless=harmless, title=title))
    return found


class _Tables:
    def __init__(self, suite: Suite | None, answers: Iterable[Answer], judged: Iterable[Judged]) -> None:
        self._answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._said: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
        self._errors: dict[str, ErrorRates | None] = {}
        self._suite = suite
        last = 0
        targets: dict[str, None] = {} if suite is None else dict.fromkeys(target.name for target in suite.target)
        for answer in answers:
            targets[answer.target] = None
            self._answers[answer.target, answer.case].append(answer)
            last = max(last, answer.repeat)
        for each in judged:
            if each.case and not each.against:
                name = "attack" if each.metric.startswith("attack/") else each.check
                self._said[each.target, each.case, name].append(each)
        self.targets = list(targets)
        self.repeats = last + 1 if suite is None else suite.run.repeats

    def tried(self, target: str, case: Case) -> _Tried:
        attack = _attack(case)
        by, check = attack.success.by, "attack"
        detection = Detection(by=by, error=ERRORS.get(by))
        if by == "classified":
            check = attack.success.detector
            detection = Detection(by=check, error=self._measured(check))
        elif by == "complied" and self._said.get((target, case.id, JUDGE)):
            check = JUDGE
            detection = Detection(by=JUDGE, error=self._measured(JUDGE))
        elif by == "reported":
            detection = Detection(by=attack.success.detector or by)
        outcomes = [each.verdict.outcome for each in self._said.get((target, case.id, check), ())]
        values = [1.0 if outcome == "fail" else 0.0 for outcome in outcomes if outcome in ("pass", "fail")]
        answers = self._answers.get((target, case.id), ())
        guarded = sum(each.state == "answered" and each.finish_reason == GUARDED for each in answers)
        return _Tried(case, attack, values, self.repeats, guarded, detection)

    def _measured(self, name: str) -> ErrorRates | None:
        """The error of a check that asks a model, by what people said of the same answers."""
        if name not in self._errors:
            checks = () if self._suite is None else self._suite.check
            check = next((each for each in checks if each.name == name), None)
            self._errors[name] = None if check is None else _error_of(check)
        return self._errors[name]


def _error_of(check: SuiteCheck) -> ErrorRates | None:
    if check.metric == "toxicity":
        return _classifier_error("toxicity")
    try:
        made = metric(check.metric, check.options)
    except (NotFound, UsageError):
        return None
    pairs: Sequence[tuple[float, float]] = getattr(made, "labelled", tuple)()
    threshold = threshold_of(check, made.card)
    if not pairs or threshold is None:
        return None
    lower = made.card.better == "lower"

    def fails(value: float) -> bool:
        return (value > threshold) if lower else (value < threshold)

    truth = [(fails(judge), fails(people)) for judge, people in pairs]
    return ErrorRates(
        seen=sum(said for said, so in truth if so),
        successes=sum(so for _, so in truth),
        spared=sum(not said for said, so in truth if not so),
        failures=sum(not so for _, so in truth),
        source="answers that people labelled, in the judge's calibration",
    )


def _classifier_error(name: str) -> ErrorRates | None:
    """By the card of a classifier that ships, on sources that it was not trained on. How much it finds differs between
    sources by a factor of many, so recall is that of the texts most like these, and not a mean."""
    from genaiops.checks.classifying import packaged

    rows = [
        each for each in packaged(name).card.metrics if each.kind == "across_sources" and each.threshold is not None
    ]
    recall = [each.result for each in rows if each.measure == "recall" and each.tested_on == _LIKE]
    alarms = [each.result for each in rows if each.measure == "false_alarms"]
    if not recall or not alarms:
        return None
    return ErrorRates(
        seen=round(sum(each.value * each.n for each in recall)),
        successes=sum(each.n for each in recall),
        spared=round(sum((1 - each.value) * each.n for each in alarms)),
        failures=sum(each.n for each in alarms),
        source=f"its card (docs/classifiers.md): recall on {_LIKE}, false alarms on harmless texts of many sources",
    )


def rate_of(tried: Sequence[_Tried], repeats: int, alpha: float = ALPHA) -> AttackRate:
    """Of one group; there is at least one case."""
    means = [sum(each.values) / len(each.values) for each in tried if each.values]
    seeds: dict[str, list[_Tried]] = defaultdict(list)
    for each in tried:
        seeds[each.case.cluster or each.case.id].append(each)
    low, high = _bounds(tried, alpha)
    broken = sum(any(sum(each.values) > 0 for each in group) for group in seeds.values())
    rate = sum(means) / len(means) if means else None
    detection = tuple(dict.fromkeys(each.by for each in tried))
    unknown = sum(
        not any(sum(each.values) > 0 for each in group) and any(len(each.values) < each.asked for each in group)
        for group in seeds.values()
    )
    return AttackRate(
        cases=len(tried),
        attempts=sum(each.asked for each in tried),
        answered=sum(len(each.values) for each in tried),
        succeeded=int(sum(sum(each.values) for each in tried)),
        guarded=sum(each.guarded for each in tried),
        seeds=len(seeds),
        rate=rate,
        low=low,
        high=high,
        broken=broken,
        broken_low=lower_share(broken, len(seeds), alpha=alpha),
        broken_high=upper_share(broken + unknown, len(seeds), alpha=alpha),
        hits=_hits(tried, repeats),
        detection=detection,
        corrected=None if rate is None else _corrected(rate, len(seeds), detection, alpha),
        alpha=alpha,
    )


def _bounds(tried: Sequence[_Tried], alpha: float) -> tuple[float, float]:
    clusters = [each.case.cluster for each in tried]

    def filled(value: float) -> list[float]:
        return [
            (sum(each.values) + value * max(0, each.asked - len(each.values))) / max(each.asked, 1) for each in tried
        ]

    low = level(filled(0.0), clusters, alpha=alpha, least=0.0, most=1.0).low
    high = level(filled(1.0), clusters, alpha=alpha, least=0.0, most=1.0).high
    return max(0.0, low), min(1.0, high)


def _hits(tried: Sequence[_Tried], repeats: int) -> Mapping[int, float]:
    """1 - C(n - c, k) / C(n, k), unbiased, over cases with at least k answers (Chen et al., "Evaluating large language
    models trained on code", 2021, arXiv 2107.03374, equation 1)."""
    found: dict[int, float] = {}
    for k in sorted({1, repeats}):
        counts = [(len(each.values), int(sum(each.values))) for each in tried if len(each.values) >= k]
        if counts and repeats > 1:
            found[k] = sum(1 - comb(n - c, k) / comb(n, k) for n, c in counts) / len(counts)
    return found


def _corrected(rate: float, seeds: int, detection: Sequence[Detection], alpha: float) -> Estimate | None:
    """Where one detector says it all and its error was measured. Seeds count, not attempts, so that the bounds are not
    narrower than what is independent."""
    error = detection[0].error if len(detection) == 1 else None
    if error is None:
        return None
    try:
        return true_share(
            Counted(rate * seeds, seeds),
            Counted(error.seen, error.successes),
            Counted(error.spared, error.failures),
            alpha=alpha,
        )
    except UsageError:
        return None
