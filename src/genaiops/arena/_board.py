"""The leader board of a suite: who was asked by its runs, by what one check measured of them, and the ranks that this
leaves open."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from genaiops.arena._beginning import TARGET
from genaiops.arena._criteria import Criterion, Measured
from genaiops.arena._gate_levels import measured_level
from genaiops.arena._gate_subject import Subject
from genaiops.arena._people import of_people
from genaiops.arena._selecting import spent
from genaiops.arena._tables import Tables
from genaiops.checks.metrics import metric
from genaiops.checks.statistics.ranking import rank_ranges
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import Case, Run, Suite, SuiteCheck, SuiteTarget

MOST_ENTRIES: Final = 50


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is done, and its suite as it was then."""

    run: Run
    suite: Suite


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """How what a run has is read: `cases` is `cases_digest` of its cases."""

    cases: Callable[[Run], str]
    tables: Callable[[Run], Tables]


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the newest run that asked it. `asked`: what it is, pinned where the run pinned it. `quality`: of the
    check (None: nothing was judged), `cost` and `latency` an answer (None: unknown). `first` to `last`: the ranks that
    it may have; None where it is not ranked, and then `apart` says why, unless the check ranks nobody."""

    run: Run
    target: str
    asked: str
    quality: Measured | None = None
    cost: Measured | None = None
    latency: Measured | None = None
    first: int | None = None
    last: int | None = None
    apart: str = ""


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """Best first, then those that are not ranked. `falling`: less is better. `alpha`: the chance that any of the ranges
    of ranks is wrong; `each`: that of every single bound of `quality`. `runs`: how many were looked at. `unranked`: why
    the check ranks nobody ("": it does)."""

    suite: str
    check: str = ""
    checks: tuple[str, ...] = ()
    unit: str = ""
    falling: bool = False
    alpha: float = 0.05
    each: float = 0.05
    runs: int = 0
    unranked: str = ""
    entries: tuple[BoardEntry, ...] = ()


def cases_digest(cases: Iterable[Case]) -> str:
    """The same for the same cases, in whatever order they were asked, and whatever was answered before."""
    plain = [msgspec.to_builtins(msgspec.structs.replace(case, metadata={}, output=None)) for case in cases]
    return digest_value(sorted(plain, key=lambda case: str(case["id"])))


def board(name: str, ran: Sequence[Ran], check: str, reads: Reads) -> Board:
    """Of runs of the suite `name`, the newest first; without any there are no entries. `check` "": the first of the
    newest run that is of single cases. Entries are held against each other when they were asked the same cases and
    measured alike, as the newest run was. UsageError for a check that the newest run has not."""
    if not ran:
        return Board(suite=name)
    newest = ran[0]
    by = _check(newest.suite, check)
    subject = Subject(by, Tables((), (), ()), "", alpha=newest.suite.gate.alpha)
    wanted = _yardstick(newest, by, reads)
    entries: dict[tuple[str, str, bytes], tuple[Ran, BoardEntry]] = {}
    for each in ran:
        for target in each.suite.target:
            key = (target.name, each.run.inputs.get(TARGET + target.name, ""), msgspec.json.encode(target))
            if key not in entries and len(entries) < MOST_ENTRIES:
                entry = BoardEntry(run=each.run, target=target.name, asked=_asked(target, each.run))
                entries[key] = (each, msgspec.structs.replace(entry, apart=_apart(each, by.name, wanted, reads)))
    among = sum(not entry.apart for _, entry in entries.values())
    alpha = newest.suite.gate.alpha
    each_alpha = alpha / (2 * max(1, among))
    read = [_measured(one, entry, by.name, reads, (each_alpha, alpha)) for one, entry in entries.values()]
    corpus = subject.card.over == "corpus"
    return Board(
        suite=name,
        check=by.name,
        checks=tuple(one.name for one in newest.suite.check),
        unit=_unit(by, subject),
        falling=subject.falling,
        alpha=alpha,
        each=alpha if corpus else each_alpha,
        runs=len(ran),
        unranked="A figure of all answers together has bounds of its own, and ranks nobody." if corpus else "",
        entries=tuple(_ranked(read, falling=subject.falling, ranks=not corpus)),
    )


def _check(suite: Suite, name: str) -> SuiteCheck:
    single = [one for one in suite.check if metric(one.metric, one.options).card.over == "sample"]
    found = [one for one in suite.check if one.name == name] if name else [*single, *suite.check]
    if found:
        return found[0]
    names = ", ".join(one.name for one in suite.check) or "none"
    message = f"The newest run of the suite has no check {name[:80]!r}." if name else "The suite checks nothing."
    raise UsageError(message, remedy=f"Name one that it has: {names}.", param="check")


def _yardstick(ran: Ran, check: SuiteCheck, reads: Reads) -> Mapping[str, object]:
    """By what a figure is measured: reason why another one is not held against it -> what has to be equal."""
    how = (check.metric, check.options, check.expected, check.slices, check.threshold, check.negate, check.pass_at)
    return {
        "other cases": reads.cases(ran.run),
        "measured otherwise": (how, metric(check.metric, check.options).card.version),
        "another judge": ran.run.inputs.get(f"judge {check.name}", ""),
    }


def _apart(ran: Ran, check: str, wanted: Mapping[str, object], reads: Reads) -> str:
    own = next((one for one in ran.suite.check if one.name == check), None)
    if own is None:
        return "not measured"
    return ", ".join(why for why, found in _yardstick(ran, own, reads).items() if found != wanted[why])


def _asked(target: SuiteTarget, run: Run) -> str:
    pin = run.inputs.get(TARGET + target.name, "")
    if pin:
        return f"{pin}, {target.model}" if target.prompt and target.model else pin
    if target.url:
        parts = urlsplit(target.url)
        return f"{parts.hostname or ''}{parts.path}"  # what else an address may have is nobody's business
    named = (target.prompt, target.application, target.release, target.model, target.python)
    if target.script is not None:
        return target.script.called
    return ", ".join(each for each in named if each) or "recorded"


def _unit(check: SuiteCheck, subject: Subject) -> str:
    if check.pass_at is not None:
        return f"pass@{check.pass_at}"
    return "share passed" if subject.passes and subject.card.over != "corpus" else subject.card.unit


def _measured(ran: Ran, entry: BoardEntry, check: str, reads: Reads, alphas: tuple[float, float]) -> BoardEntry:
    """`alphas`: of a bound of quality, and of one of cost and latency, which rank nobody."""
    own = next((one for one in ran.suite.check if one.name == check), None)
    found = reads.tables(ran.run)
    quality = None if own is None else _quality(Subject(own, found, entry.target, alpha=alphas[0]))
    facts: Mapping[Criterion, Measured] = spent(found, entry.target, alphas[1])
    apart = entry.apart or ("" if quality else "no value")
    return msgspec.structs.replace(
        entry, quality=quality, cost=facts.get("cost"), latency=facts.get("latency"), apart=apart
    )


def _quality(subject: Subject) -> Measured | None:
    """What has no value counts as the worst for one bound and as the best for the other, as for gates. Of a judge it is
    what the judge says, with what people would say beside it."""
    if subject.card.over == "corpus":
        judged = subject.tables.corpus.get((subject.target, subject.check.name))
        if judged is None or judged.verdict.measure is None:
            return None
        low, high = judged.verdict.interval or (None, None)
        return Measured(mean=judged.verdict.measure, low=low, high=high, n=judged.verdict.n or 0)
    column = subject.column()
    if not column.values:
        return None
    mean = sum(column.values.values()) / len(column.values)
    found = Measured(mean=mean, n=len(column.values), missing=len(column.missing), people=of_people(subject))
    try:
        _, low, high = measured_level(subject, column)
    except UsageError:
        return found
    return msgspec.structs.replace(found, low=low, high=high)


def _ranked(entries: Sequence[BoardEntry], *, falling: bool, ranks: bool) -> list[BoardEntry]:
    sign = 1 if falling else -1

    def place(entry: BoardEntry) -> tuple[bool, bool, float]:
        return bool(entry.apart), entry.quality is None, sign * entry.quality.mean if entry.quality else 0.0

    ordered = sorted(entries, key=place)
    if not ranks:
        return ordered
    among = [entry for entry in ordered if not entry.apart]
    bounds = [(each.quality.low, each.quality.high) for each in among if each.quality is not None]
    ranges = rank_ranges(bounds, falling=falling)
    ranked = [
        msgspec.structs.replace(entry, first=first, last=last)
        for entry, (first, last) in zip(among, ranges, strict=True)
    ]
    return [*ranked, *ordered[len(among) :]]
