"""Suites without a server: what `genaiops suite` does in its own process, told as the documents that the API tells."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, cast, get_args

import msgspec

from genaiops.app.evaluating import Evaluated, Wanted, begin, environment_secret, evaluate, figures_of, resumable
from genaiops.app.home import Home
from genaiops.app.importing_suites import imported_text, is_promptfoo
from genaiops.app.judges import from_hub, resolved
from genaiops.app.kept_suites import keep_suite
from genaiops.app.run_store import open_home_runs
from genaiops.app.suite_reports import check_places, write_reports
from genaiops.arena import (
    Endpoint,
    Progress,
    Rows,
    SweepAsked,
    case_document,
    cases_of,
    changed_suite,
    failures_of,
    file_rows,
    judges_of,
    proposed,
    read_suite,
    run_document,
    starting_suite,
    suite_manifest,
    suite_schema,
    sweep_suite,
    unjudged_of,
)
from genaiops.checks.metrics import cards, metric
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import CaseSource, Suite, SuiteTask
from genaiops.ports.runs import CaseFilter, Runs
from genaiops.sdk import Client, dataset_rows, default_home, find_address

MOST_SHOWN = 10
EXAMPLES: Final = -1
"""In place of a source's place: that of examples for prompts."""
USUAL_TRACES: Final = 1_000
"""Where a source of traces says no limit."""
_TASKS: Final[tuple[str, ...]] = get_args(SuiteTask)

__all__ = ["Local", "checked_file", "metric_cards", "suite_schema"]


class Local(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told. `given`: the suite itself, in place of a file. `changed`: fields of the suite's `run` in
    place of its own; `facts`: what for;
    `reports`: form -> file."""

    file: str = ""
    given: Suite | None = None
    name: str | None = None
    resume: str | None = None
    changed: Mapping[str, Any] = {}
    facts: Mapping[str, str] = {}
    home: str | None = None
    url: str | None = None
    key: str | None = None
    reports: Mapping[str, str] = {}

    def run(self, begun: Callable[[str, int], None], told: Callable[[Progress], None]) -> dict[str, Any]:
        """The run with its report, and the cases that were lost. `begun`: is told the name and how much there is."""
        check_places(self.reports)
        suite = self.given or read_file(self.file)
        suite = resolved(suite, Path(self.file).parent, from_hub(lambda: Client(self.url, self.key, self.home)))
        suite = changed_suite(suite, self.changed)
        home = Home(self.home or default_home())
        home.prepare()
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)  # functions of the program that is tested
        wanted = Wanted(
            suite=suite,
            name=self.name or Path(self.file).stem,
            folder=Path(self.file).parent,
            gateway=gateway_for(suite, self.url, self.key, home.path),
            secret=environment_secret(os.environ),
            rows=rows_from_hub(lambda: Client(self.url, self.key, self.home)),
            environment=self.facts,
            models=home.path,
        )
        with closing(open_home_runs(home)) as store:
            run = resumable(store, self.resume, suite) if self.resume else begin(store, wanted)
            keep_suite(home, suite)
            begun(run.name, run.total or 0)
            done = asyncio.run(evaluate(store, run, wanted, told=told))
            write_reports(home, store, done, suite, self.reports)
            return document(store, done, suite)


def rows_from_hub(client: Callable[[], Client]) -> Rows:
    """Rows of the installation's datasets and traces; it is asked only where a suite draws from them."""

    def rows(source: CaseSource) -> Sequence[Mapping[str, Any]]:
        if source.dataset:
            return list(dataset_rows(client(), source.dataset.removeprefix("dataset/")))
        limit = source.limit or USUAL_TRACES
        found = {row["trace_id"]: row for row in client().pages("/api/traces/export", source.traces, most=limit)}
        return list(reversed(found.values()))

    return rows


def gateway_for(suite: Suite, url: str | None, key: str | None, home: str | Path) -> Endpoint | None:
    """The gateway that its targets and judges are asked through (None: none of them is)."""
    asked = any(target.model or target.prompt or target.application or target.release for target in suite.target)
    if not asked and not any(member.model for member in judges_of(suite)):
        return None
    address = find_address(url, key, home)
    return Endpoint(url=address.url, key=address.key or "")


def document(store: Runs, done: Evaluated, suite: Suite) -> dict[str, Any]:
    """As the API has it. `figures`: what each check of the suite measured; `lost`: by target, how many cases, and the
    first of them; `errors`: why answers failed, the most frequent first; `unjudged`: errors by check."""
    lost: list[dict[str, Any]] = []
    for target in done.report.targets:
        where = CaseFilter(target=target, outcome="fail")
        if done.report.baseline:
            where = CaseFilter(target=target, against=done.report.baseline, changed="lost")
        page = store.page(done.run.id, where, limit=MOST_SHOWN)
        lost.append({"target": target, "total": page.total, "rows": [case_document(row) for row in page.rows]})
    plain: dict[str, Any] = msgspec.to_builtins(
        {
            "run": run_document(done.run),
            "report": done.report,
            "figures": figures_of(store, done.run, suite),
            "lost": lost,
            "errors": failures_of(store, done.run.id),
            "unjudged": unjudged_of(store, done.run.id),
        }
    )
    return plain


def sent_suite(file: str, sweep: SweepAsked | None = None) -> Suite:
    """The suite of a file, to be sent, with the cells of a sweep as its targets: judges of files beside it are in it,
    those of the Hub stay names."""
    suite = read_file(file)
    return resolved(suite if sweep is None else sweep_suite(suite, sweep), Path(file).parent, None)


def sent_files(file: str, suite: Suite) -> Iterator[tuple[int, str, list[Mapping[str, Any]]]]:
    """(place among its sources, name, rows) of each file of cases or examples beside a suite, to be sent with it."""
    for place, source in enumerate(suite.cases):
        if source.file:
            path = Path(file).parent / source.file
            yield place, path.stem, [row for _, row in file_rows(path)]
    if suite.shots is not None and suite.shots.file:
        path = Path(file).parent / suite.shots.file
        yield EXAMPLES, path.stem, [row for _, row in file_rows(path)]


def with_datasets(suite: Suite, datasets: Mapping[int, str], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a suite whose sources at these places are datasets now, with other fields of its `run`."""
    cases = [
        msgspec.structs.replace(source, file="", dataset=datasets[place]) if place in datasets else source
        for place, source in enumerate(suite.cases)
    ]
    if suite.shots is not None and EXAMPLES in datasets:
        shots = msgspec.structs.replace(suite.shots, file="", dataset=datasets[EXAMPLES])
        suite = msgspec.structs.replace(suite, shots=shots)
    return suite_manifest(changed_suite(msgspec.structs.replace(suite, cases=tuple(cases)), changed))


def read_file(file: str) -> Suite:
    """UsageError and NotFound say what is wrong, by line."""
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = f"There is no file {file}."
        raise NotFound(
            what, remedy=f"Begin one: genaiops suite new {path.with_suffix('.toml')}", param="file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Save it as UTF-8 text.", param="file") from None
    if path.suffix.lower() in (".yaml", ".yml") and is_promptfoo(text):
        return imported_text(text, path.parent).suite
    form: Any = {".toml": "toml", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}.get(path.suffix.lower())
    return read_suite(text, form).checked()


def tasks() -> Mapping[str, Sequence[str]]:
    """Task -> the metrics that a suite for it begins with."""
    return {task: proposed(task) for task in cast("tuple[SuiteTask, ...]", _TASKS)}


def begin_file(file: str, task: str, model: str = "") -> dict[str, Any]:
    """Write a suite to begin with, that asks `model` where one is named. Conflict when the file is there, UsageError
    for a task that is none, and for a file that cannot be written or would not be read as TOML."""
    if task not in _TASKS:
        raise UsageError(f"There is no task {task!r}.", remedy=f"There are: {', '.join(_TASKS)}.", param="task")
    path = Path(file)
    if path.suffix.lower() != ".toml":
        raise UsageError(
            f"{file} would be written as TOML.", remedy="Give it a name that ends with .toml", param="file"
        )
    text = starting_suite(cast("SuiteTask", task), model)
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError:
        raise Conflict(f"There is a file {file} already.", remedy="Name another one.", param="file") from None
    except OSError as error:
        what = f"{file} cannot be written: {error.strerror}."
        raise UsageError(what, remedy="Name a file in a folder that is there.", param="file") from None
    return {"file": file, "task": task, **checked_file(file)}


def checked_file(file: str) -> dict[str, int]:
    """How many cases, targets and checks it has. Cases of datasets and traces are not counted: they are elsewhere."""
    suite = read_file(file)
    resolved(suite, Path(file).parent, None)  # what is wrong with judges beside it
    here = tuple(source for source in suite.cases if source.file)
    number = len(suite.case)
    if here or not suite.cases:
        alone = msgspec.structs.replace(suite, cases=here, shots=None, target=())
        number = len(cases_of(alone, folder=Path(file).parent))
    return {"cases": number, "targets": len(suite.target), "checks": len(suite.check)}


def metric_cards(name: str | None = None) -> Sequence[dict[str, Any]]:
    """All, or that one. Every field is there, also where it is the default."""
    found = cards() if name is None else [metric(name).card]
    return [{field: msgspec.to_builtins(getattr(card, field)) for field in card.__struct_fields__} for card in found]
