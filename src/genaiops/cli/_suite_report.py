"""How a run of a suite stands in a terminal: its progress, then what its gate says and why."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec

from genaiops.cli._kpi_lines import show_kpis
from genaiops.cli._output import Column, Output, one_line
from genaiops.core.counting import counted
from genaiops.core.money import from_nano, to_nano

WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "error": "INCONCLUSIVE", "warn": "PASS"}

_MOST_CASES = 20
_SHARES = ("every_case", "tolerance", "errors", "usable")
_LINES = (
    Column("VERDICT", lambda row: WORDS[row["verdict"]["outcome"]]),
    Column("CHECK", "check"),
    Column("TARGET", "target"),
    Column("CONDITION", lambda row: _asked(row["kind"], row.get("asked"), at_most=row.get("at_most", False))),
    Column("MEASURED", lambda row: _measured(row["kind"], row["verdict"].get("measure")), right=True),
    Column("BOUNDS", lambda row: _bounds(row["verdict"].get("interval")), rank=1),
    Column("WON", lambda row: _counted(row, "wins"), right=True, rank=1),
    Column("LOST", lambda row: _counted(row, "losses"), right=True, rank=1),
    Column("MORE", lambda row: None if row.get("more") is None else f"+{row['more']}", right=True, rank=1),
)

BY_PEOPLE = "BY PEOPLE"
"""What people would say, beside what a judge says; only where there is a judge."""
FIGURES = (
    Column("CHECK", lambda row: f"{row['check']} (added)" if row.get("added") else row["check"]),
    Column("TARGET", "target"),
    Column("MEAN", lambda row: _figure(row["mean"]), right=True),
    Column("95 %", lambda row: None if row["low"] is None else f"{row['low']:.3g} to {row['high']:.3g}", rank=1),
    Column(BY_PEOPLE, lambda row: people_said(row.get("people")), rank=1),
    Column("UNIT", "unit", rank=1),
    Column("PASSED", lambda row: row["passed"], right=True),
    Column("N", lambda row: row["n"], right=True),
    Column("MISSING", lambda row: row["missing"] or None, right=True, rank=1),
    Column("METRIC", "metric", rank=2),
)
"""What each check measured of each target, as `suite run`, `run show` and `suite rescore` say it."""


SPARES = "spares the harmless"
"""The check of harmless questions in a red team: the share that is counted there are refusals."""


def _attacked(share: str, kept: str) -> Sequence[Column]:
    return (
        Column("CHECK", lambda row: f"{row['check']} (added)" if row.get("added") else row["check"]),
        Column("TARGET", "target"),
        Column(share, lambda row: _percent(row["mean"]), right=True),
        Column("95 %", lambda row: _percents(row["low"], row["high"]), rank=1),
        Column(kept, lambda row: None if row["passed"] is None else f"{row['passed']} of {row['n']}", right=True),
        Column("MISSING", lambda row: row["missing"] or None, right=True, rank=1),
    )


ATTACKED, SPARED = _attacked("ATTACK SUCCESS", "WITHSTOOD"), _attacked("REFUSED", "SPARED")
"""Of attacks the share that succeeded and of harmless questions the share that was refused, with bounds over seeds, and
how many cases were withstood, or spared, in every repeat."""


def show_figures(output: Output, figures: Sequence[Mapping[str, Any]]) -> None:
    """What was measured; attacks apart, for their mean is a rate of success."""
    kinds: dict[str, list[Mapping[str, Any]]] = {"attacked": [], "spared": [], "measured": []}
    for each in figures:
        attack = each["metric"].startswith("attack/")
        kinds["measured" if not attack else "spared" if each["check"] == SPARES else "attacked"].append(each)
    judged = any(each.get("people") is not None for each in kinds["measured"])
    measured = FIGURES if judged else [each for each in FIGURES if each.title != BY_PEOPLE]
    for kind, columns in (("attacked", ATTACKED), ("spared", SPARED), ("measured", measured)):
        if kinds[kind]:
            output.rows(kinds[kind], columns, empty="")
            output.line()


class Further(msgspec.Struct, frozen=True):
    """How far a run on a server is, in the fields of the runner's Progress that the bar shows."""

    done: int
    total: int
    failed: int
    cost_nano: int | None
    expected_nano: int | None

    @classmethod
    def of(cls, run: Mapping[str, Any]) -> "Further":
        cost = None if run["cost"] is None else to_nano(run["cost"])
        done, total = run["done"], run["total"] or 0
        return cls(done, total, run["failed"], cost, cost * total // done if cost is not None and done else None)


class Bar:
    """The progress of a run, on standard error: a bar on a terminal, nothing in a pipe."""

    def __init__(self, output: Output) -> None:
        self._progress: Any = None
        self._task: Any = None
        self._on = output.interactive

    def __enter__(self) -> Self:
        if self._on:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[said]}"),
                console=Console(stderr=True),
            )
            self._progress.start()
        return self

    def begin(self, name: str, total: int) -> None:
        if self._progress is not None:
            self._task = self._progress.add_task(name, total=total, said="")

    def advance(self, done: int) -> None:
        if self._progress is not None:
            self._progress.update(self._task, completed=done)

    def show(self, progress: Any) -> None:
        """A Progress of the runner."""
        if self._progress is not None:
            said = f"{progress.failed} failed" if progress.failed else ""
            if progress.expected_nano is not None:
                said += f"  {from_nano(progress.cost_nano or 0)} of about {from_nano(progress.expected_nano)}"
            self._progress.update(self._task, completed=progress.done, total=progress.total, said=said)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def show_report(output: Output, done: Mapping[str, Any]) -> None:
    """The verdict with its conditions, and the cases that were lost."""
    run: dict[str, Any] = done["run"]
    report: dict[str, Any] | None = done["report"]
    if output.as_json:
        output.json(done)
        return
    if report is None:
        if done.get("figures"):
            show_figures(output, done["figures"])
        output.line(f"{run['id']} is {run['state']}: {run['done']} of {run['total']} answers, {run['failed']} failed.")
        if run["error"]:
            output.note(run["error"])
        return
    show_lines(output, report)
    if done.get("figures"):
        show_figures(output, done["figures"])
    if done.get("kpis"):
        output.line("KPIs of use cases:")
        show_kpis(output, done["kpis"])
        output.line()
    for lost in done["lost"]:
        _show_lost(output, lost, report["baseline"])
    _show_errors(output, done)
    money = "" if run["cost"] is None else f", {run['cost']} spent"
    used = run.get("energy_nwh")
    money += "" if used is None else f", about {used / 1e9:.3g} Wh"
    failed = f", {run['failed']} failed" if run["failed"] else ""
    output.line(f"{WORDS[report['verdict']['outcome']]}: {report['verdict']['reason']}")
    output.line(f"{run['id']}: {run['done']} of {run['total']} answers{failed}{money}.")
    if run["error"]:
        output.note(run["error"])


def unjudged(broken: Mapping[str, Any]) -> str:
    """Of one check: how many of its verdicts are errors, and the first."""
    errors = broken["errors"]
    are = "1 verdict is an error" if errors == 1 else f"{errors:,} verdicts are errors, the first"
    return f"{broken['check']}: {are}: {one_line(broken['first'], 300)}"


def show_lines(output: Output, report: Mapping[str, Any]) -> None:
    """The conditions of a gate."""
    if report["lines"]:
        output.rows(report["lines"], _LINES, empty="")
        output.line()
        for line in report["lines"]:
            if line["kind"] in ("corpus", "usable") or (
                line["verdict"]["outcome"] == "inconclusive"
                and (line["verdict"].get("measure") is None or line["verdict"].get("interval") is None)
            ):
                output.line(f"{line['check'] or line['kind']}, {line['target']}: {line['verdict']['reason']}")
    for each in report.get("duels", ()):
        _show_duels(output, each)


def _show_duels(output: Output, said: Mapping[str, Any]) -> None:
    """Pair by pair against the baseline, with the cases of each kind."""
    rate = f"win rate by the judge itself {said['win_rate']:.2%} ({said['low']:.2%} to {said['high']:.2%})"
    output.line(
        f"{said['check']}: {said['target']} against {said['baseline']}: {said['wins']} won, {said['losses']} lost, "
        f"{said['ties']} ties; {rate}."
    )
    changed = f"{counted(said['changed'], 'verdict')} changed with the order (ties)"
    lean = f"{said['first']} for what stood first, {said['second']} for what stood second, p {said['order_p']:.2g}"
    output.line(f"  {changed}{': ' + lean if said['changed'] else ''}.")
    for kind, count in (("won", "wins"), ("lost", "losses"), ("tied", "ties")):
        named = said[kind][:_MOST_CASES]
        if named:
            more = said[count] - len(named)
            output.line(f"  {kind}: {', '.join(named)}{f' and {more} more' if more else ''}")
    output.line()


def _show_errors(output: Output, done: Mapping[str, Any]) -> None:
    for failed in done["errors"]:
        output.line(
            f"{counted(failed['answers'], 'answer')} failed ({failed['state']}): {one_line(failed['error'], 300)}"
        )
    if done["errors"]:
        output.line()
    for broken in done["unjudged"]:
        output.line(unjudged(broken))


def _show_lost(output: Output, lost: Mapping[str, Any], baseline: str) -> None:
    if not lost["total"]:
        return
    what = f"lost against {baseline}" if baseline else "failed"
    first = ", the first" if lost["total"] > len(lost["rows"]) else ""
    output.line(f"{lost['target']}: {counted(lost['total'], 'case')} {what}{first}:")
    for row in lost["rows"]:
        said = {answer["target"]: answer.get("output", "") for answer in row["answers"]}
        if "attack" in row["case"]:
            output.line(f"  {row['case']['id']}")  # of attacks no text is shown unasked
            continue
        asked = row["case"].get("input") or row["case"].get("variables", "")
        output.line(f"  {row['case']['id']}  {one_line(str(asked))}")
        for name in dict.fromkeys((baseline, lost["target"])):
            if name in said:
                output.line(f"    {name}: {one_line(said[name], 100)}")
    output.line()


def people_said(people: Mapping[str, Any] | None) -> str | None:
    """What people would say, beside a judge's own figure; of what is no judge nothing."""
    if people is None:
        return None
    if people["mean"] is None:
        return people["why"]
    return f"{people['mean']:.4g} ({people['low']:.3g} to {people['high']:.3g})"


def _asked(kind: str, asked: float | None, *, at_most: bool) -> str:
    number = "" if asked is None else f"{asked:g}"
    return {
        "floor": f"{'at most' if at_most else 'at least'} {number}",
        "margin": f"at most {number} worse",
        "improves": "better",
        "tolerance": f"at most {float(asked or 0):.2%} fail",
        "every_case": "every case passes",
        "corpus": f"{'at most' if at_most else 'reaches'} {number}",
        "errors": f"at most {float(asked or 0):.0%} missing",
        "usable": f"more than {float(asked or 0):.0%} are good",
    }[kind]


def _percents(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{_percent(low)} to {_percent(high)}"


def _percent(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _measured(kind: str, value: float | None) -> str | None:
    """A share of cases is told in percent: beside a metric's name 1 would be read as its value."""
    return _figure(value) if value is None or kind not in _SHARES else f"{value:.2%}"


def _bounds(interval: Sequence[float] | None) -> str | None:
    return None if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"


def _counted(row: Any, name: str) -> int | None:
    comparison = row.get("comparison")
    return None if comparison is None else comparison[name]
