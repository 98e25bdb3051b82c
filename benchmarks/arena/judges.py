"""`python -m benchmarks.arena judges WHEEL`: how far metrics and judges agree with people.

WHEEL is that of pyrit 1.1.0 (MIT; `pip download --no-deps pyrit==1.1.0`), which holds answers of models that people
labelled: whether they refuse (0, 1), and how hateful they are (0 to 1, by three people each). `--home` is that of an
installation that was started once, for the weights of the classifier. `--judge MODEL` asks a model of its gateway, too,
about `--most` answers of each set drawn by lot, as the judges `refusal` and `toxicity` do. No text is printed.
"""

import argparse
import asyncio
import os
import random
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, cast

import msgspec

from benchmarks.guardrails.refusal import REFUSALS, ROOT, rows
from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.app.evaluating import Wanted, environment_secret, means_of
from genaiops.app.home import Home
from genaiops.app.local_suites import gateway_for
from genaiops.app.posting import HttpPost
from genaiops.arena import Purse
from genaiops.checks.judging import judge_manifest
from genaiops.checks.metrics import metric
from genaiops.checks.statistics.agreement import krippendorff
from genaiops.core.errors import UsageError
from genaiops.domain import Judge, Measure, Sample, Suite, SuiteCheck, SuiteRunning
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.metrics import Consulting
from genaiops.sdk import default_home

HATE: Final = f"{ROOT}harm/hate_speech_multi_score.csv"
HEAD: Final = ("method", "answers", "no verdict", "alpha", "95 %", "false alarms", "missed")
_AT_ONCE: Final = 2
_HALF: Final = 0.5


class Rated(msgspec.Struct, frozen=True):
    """An answer with what each person said of it, from 0 to 1."""

    request: str
    answer: str
    people: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.people) / len(self.people)


class Set(msgspec.Struct, frozen=True):
    """`metric` of each answer is more, the more people said it is so."""

    name: str
    metric: Literal["refusal", "toxicity"]
    rated: Sequence[Rated]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--home", type=Path, default=Path(default_home()), help="of an installation with weights")
    parser.add_argument("--judge", metavar="MODEL", help="a model of that installation, which runs; none without")
    parser.add_argument("--most", type=int, default=60, help="answers of each set that the judge is asked about [60]")


def sets(wheel: Path) -> list[Set]:
    with zipfile.ZipFile(wheel) as archive:
        found = [Set(Path(name).stem, "refusal", _rated(rows(archive, name))) for name in REFUSALS]
        return [*found, Set(Path(HATE).stem, "toxicity", _rated(rows(archive, HATE)))]


def _rated(lines: Sequence[dict[str, str]]) -> list[Rated]:
    return [
        Rated(
            line["objective"],
            line["assistant_response"],
            tuple(float(value) for name, value in line.items() if name.startswith("human_score")),
        )
        for line in lines
        if line["assistant_response"]
    ]


def measure(given: argparse.Namespace) -> Report:
    tables: list[Table] = []
    for each in sets(given.wheel):
        lines = [_line(f"metric {each.metric}", each.rated, asyncio.run(said(each, each.rated, given)), each.metric)]
        if given.judge is not None:
            drawn = random.Random(1).sample(list(each.rated), min(given.most, len(each.rated)))
            found = asyncio.run(said(each, drawn, given, judge=given.judge))
            lines.append(_line(f"judge {each.metric}, {given.judge}", drawn, found, ""))
        if len(each.rated[0].people) > 1:
            lines.append(("people among themselves", len(each.rated), None, *_people(each.rated), None, None))
        title = f"{each.name}: {len(each.rated)} answers to {len({one.request for one in each.rated})} requests"
        tables.append(Table(title, HEAD, lines))
    notes = ["alpha: Krippendorff's, interval; its bounds by a bootstrap over requests. Shares: at the metric's own"]
    notes.append("threshold (a judge, and people: at a half), Wilson's 95 %, answers taken")
    notes.append("for independent, which those to one request are not.")
    return Report(name="judges", tables=tables, notes=notes)


async def said(each: Set, rated: Sequence[Rated], given: argparse.Namespace, judge: str = "") -> list[Measure]:
    """What the metric says of each answer, or the judge of its name."""
    asks: dict[str, object] = {}
    if judge:
        asked = Judge(template=each.metric, model=judge, constrained=True, parameters={"max_tokens": 120})
        asks = {"judge": judge_manifest(asked)}
    check = SuiteCheck(name="judge", metric="judge" if judge else each.metric, options=asks)
    samples = [Sample(input=one.request, output=one.answer) for one in rated]
    if each.metric == "refusal" and not judge:
        return list(metric(check.metric, check.options).measure(samples))
    return await consulted(check, samples, given.home)


async def consulted(check: SuiteCheck, samples: Sequence[Sample], path: Path) -> list[Measure]:
    """What a check that asks models says of each, through the gateway of the installation at `path`."""
    home = Home(path)
    suite = Suite(check=(check,), run=SuiteRunning(concurrency=_AT_ONCE, timeout_s=300))
    wanted = Wanted(
        suite=suite,
        name="judges",
        gateway=gateway_for(suite, None, None, home.path),
        secret=environment_secret(os.environ),
        models=home.path,
    )
    asking = cast("Consulting", metric(check.metric, check.options))
    post, places = HttpPost(max_connections=_AT_ONCE), asyncio.Semaphore(_AT_ONCE)
    with closing(open_runs(f"sqlite:///{home.runs}")) as store, means_of(wanted, post, store) as made:
        means = made(Purse(None), asyncio.Event())

        async def one(sample: Sample) -> Measure:
            async with places:
                return await asking.consult(sample, means)

        try:
            return await asyncio.gather(*map(one, samples))
        finally:
            await post.aclose()


def _line(name: str, rated: Sequence[Rated], found: Sequence[Measure], own: str) -> tuple[Cell, ...]:
    """`own`: the metric whose threshold tells yes from no."""
    read = [(one, each.value) for one, each in zip(rated, found, strict=True) if each.value is not None]
    threshold = metric(own).card.threshold if own else None
    threshold = _HALF if threshold is None or own == "refusal" else threshold
    no = [value >= threshold for one, value in read if one.mean < _HALF]
    yes = [value < threshold for one, value in read if one.mean >= _HALF]
    agreed = _alpha([(one.mean, value) for one, value in read], [one.request for one, _ in read])
    return (name, len(read), len(rated) - len(read), *agreed, rate(sum(no), len(no)), rate(sum(yes), len(yes)))


def _people(rated: Sequence[Rated]) -> tuple[Cell, Cell]:
    return _alpha([one.people for one in rated], [one.request for one in rated])


def _alpha(ratings: Sequence[Sequence[float]], requests: Sequence[str]) -> tuple[Cell, Cell]:
    try:
        found = krippendorff(ratings, "interval", alpha=0.025, groups=requests)
    except UsageError as error:
        return None, str(error)
    if found.low is None or found.high is None:
        return found.value, None
    return found.value, f"{found.low:.2f} to {found.high:.2f}"
