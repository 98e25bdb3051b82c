"""Reports of runs of suites: written after a run, and again later from the home's store."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from genaiops.app import config
from genaiops.app.evaluating import Evaluated, judged
from genaiops.app.evaluations import Evaluations
from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.app.kept_suites import kept_suite
from genaiops.app.kpis import Kpis
from genaiops.app.run_store import open_home_runs
from genaiops.app.signed_reports import signed
from genaiops.app.stores import records_url
from genaiops.arena import KpiLine
from genaiops.arena.reports import FORMATS, Reported, check_pdf, reported
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Run, Suite
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub
from genaiops.ports.runs import Runs
from genaiops.sdk import default_home

REPORTS: Final[Sequence[str]] = tuple(FORMATS)


def check_places(files: Mapping[str, str]) -> None:
    """UsageError when a report could not be written: it is told before anything is asked."""
    for form, file in files.items():
        if form == "pdf":
            check_pdf()
        path = Path(file)
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(
                f"There can be no report {file}: {'it' if path.is_dir() else path.parent} is "
                f"{'a' if path.is_dir() else 'no'} folder.",
                remedy="Name a file in a folder that there is.",
                param=form,
            )


def write_reports(home: Home, store: Runs, done: Evaluated, suite: Suite, files: Mapping[str, str]) -> None:
    """`files`: form -> where to. Each is signed, and there whole, or not at all."""
    if not files:
        return
    said = reported(store, done.run, suite, done.report, kpis_here(home, store, done.run))
    for form, file in files.items():
        data = signed(home, form, said)
        try:
            _write(Path(file).absolute(), data)
        except OSError as error:
            raise UsageError(
                f"{file} cannot be written: {error.strerror}.",
                remedy=f"Write it elsewhere: genaiops suite report {done.run.id} --format {form} -o FILE",
                param=form,
            ) from error


def _write(path: Path, data: bytes) -> None:
    """A pipe or a terminal is written to as it is."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
    else:
        write_atomically(path, data, mode=0o644)


def report_of(run_id: str, form: str, *, home: str | None = None) -> bytes:
    """Of a run that the home has, made anew. NotFound when the home has no such run, or not its suite."""
    said = reported_run(run_id, home=home)
    return signed(Home(home or default_home()), form, said)


def reported_run(run_id: str, *, home: str | None = None) -> Reported:
    """All of a run that the home has. NotFound when it has no such run, or not its suite."""
    place = Home(home or default_home())
    if not place.runs.exists():
        raise NotFound(f"There are no runs in {place.path}.", remedy="Name the data directory with --home.")
    with closing(open_home_runs(place)) as store:
        run = store.get(run_id)
        suite = kept_suite(place, run.subject.rpartition("@")[2])
        done = judged(store, run, suite)
        return reported(store, done.run, suite, done.report, kpis_here(place, store, done.run))


def kpis_here(home: Home, store: Runs, run: Run) -> Sequence[KpiLine]:
    """The KPIs of the use cases of this installation that the run's suite measures; none where it has no records yet.
    They are read from the records that its settings name. StoreError when those cannot be read."""
    url = records_url(config.read({"home": str(home.path)}).settings, home)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite://")).exists():
        return ()
    with closing(open_records(url)) as records:
        hub = Hub(records)
        return Kpis(hub, store, Evaluations(store, home)).of_run(run, hub.use_cases.list())
