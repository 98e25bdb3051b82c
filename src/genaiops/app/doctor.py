"""`genaiops doctor`: what is wrong with an installation, running or not, and how to mend it. Changes nothing."""

import contextlib
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from genaiops.app import config, stores
from genaiops.app.doctor_models import check_models, check_names, check_registry, check_secrets
from genaiops.app.doctor_provenance import check_provenance
from genaiops.app.doctor_sharing import check_sharing
from genaiops.app.findings import Finding, Status, fail, ok, warn
from genaiops.app.home import Home
from genaiops.app.installation import SupervisorState, is_locked, read_state
from genaiops.app.listening import who_listens
from genaiops.app.sandboxing import sandbox_findings
from genaiops.app.scoring_programs import program_findings
from genaiops.app.settings import Settings
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import ConfigError, GenaiopsError
from genaiops.engines.c2pa_manifest import KEY_FILE

_WORST_FIRST: Sequence[Status] = ("fail", "warn", "ok")

_LOW_BYTES = 2_000_000_000
_TOO_LOW_BYTES = 300_000_000
_FEW_FILES = 4096
_YEAR_2026_US = 1_767_225_600_000_000
_CLOCK_SLACK_US = 120_000_000

Check = Callable[["Patient"], Iterator[Finding]]


class Patient(msgspec.Struct, frozen=True):
    """What is looked at. `state` is None when nothing runs here."""

    settings: Settings
    home: Home
    state: SupervisorState | None
    running: bool


class Report(msgspec.Struct, frozen=True):
    """`status` is the worst of the findings'."""

    home: str
    status: Status
    findings: tuple[Finding, ...]


def examine(flags: Mapping[str, Any], *, file: str | None = None, online: bool = False) -> Report:
    """All checks. `online`: also ask the package registry, which the others never do."""
    findings = list(_python())
    try:
        loaded = config.read(flags, file=file)
    except ConfigError as error:
        findings.append(fail("configuration", error.message, error.remedy or "Correct it."))
        return _report(str(flags.get("home") or os.environ.get("GENAIOPS_HOME", "")), findings)
    where = f"read from {loaded.file}" if loaded.file else "defaults, no file"
    findings.append(ok("configuration", f"{where}; {len(loaded.origins)} settings given"))
    home = Home(loaded.settings.home)
    running = is_locked(home)
    patient = Patient(loaded.settings, home, read_state(home) if running else None, running)
    for check in CHECKS:
        findings += check(patient)
    if online:
        findings += check_registry(loaded.settings)
    return _report(str(home.path), findings)


def _report(home: str, findings: list[Finding]) -> Report:
    found = {finding.status for finding in findings}
    return Report(home, next(status for status in _WORST_FIRST if status in found), tuple(findings))


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 (somebody may have forced it)
        yield fail("python", f"Python {version} is too old.", "Use Python 3.11 or newer.")
    else:
        yield ok("python", f"{version} at {sys.executable}")


def _home(patient: Patient) -> Iterator[Finding]:
    path = patient.home.path
    if not path.exists():
        parent = next(folder for folder in path.parents if folder.exists())
        if os.access(parent, os.W_OK):
            yield ok("home", f"{path} is not there yet; the first start makes it")
        else:
            yield fail("home", f"{path} cannot be made in {parent}.", "Choose another with --home or GENAIOPS_HOME.")
        return
    if not os.access(path, os.W_OK | os.X_OK):
        yield fail("home", f"{path} cannot be written by this user.", f"Run: chown -R {os.getuid()} {path}")
    elif path.stat().st_mode & 0o077:
        yield warn("home", f"{path} is open to other users of this machine.", f"Run: chmod 700 {path}")
    else:
        yield ok("home", str(path))


def _private_files(patient: Patient) -> Iterator[Finding]:
    home = patient.home
    for path in (home.admin_key, home.secrets_key, home.path / "secrets.enc", home.provenance / KEY_FILE):
        if path.exists() and path.stat().st_mode & 0o077:
            yield fail("private files", f"{path} can be read by other users.", f"Run: chmod 600 {path}")
        elif path.exists():
            yield ok("private files", f"{path.name} is this user's alone")
    if (home.path / "secrets.enc").exists() and not home.secrets_key.exists():
        yield fail(
            "private files",
            f"{home.secrets_key} is gone, so the secrets cannot be read.",
            "Restore it from where it was kept, or put every secret anew after moving secrets.enc away.",
        )


def _disk(patient: Patient) -> Iterator[Finding]:
    folder = next(place for place in (patient.home.path, *patient.home.path.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    said = f"{free / 1e9:.1f} GB free at {folder}"
    if free < _TOO_LOW_BYTES:
        yield fail("disk", f"{said}: calls under hard budgets are refused when it is full.", "Free space.")
    elif free < _LOW_BYTES:
        yield warn("disk", f"{said}.", "Free space, or set content.retention_days lower.")
    else:
        yield ok("disk", said)


def _files(_: Patient) -> Iterator[Finding]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _FEW_FILES:
        yield warn(
            "open files",
            f"A process may have {soft} files open; every connection is one.",
            f"Run ulimit -n {min(65_536, hard)} before the start.",
        )
    else:
        yield ok("open files", f"{soft} a process")


def _port(patient: Patient) -> Iterator[Finding]:
    listen = patient.settings.listen
    if patient.state is not None:
        yield ok("port", f"{patient.state.port} on {patient.state.host} is ours")
        return
    if not listen.port:
        yield ok("port", "a free one is taken at the start")
        return
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        host = "127.0.0.1" if listen.host in {"0.0.0.0", "::", ""} else listen.host  # noqa: S104
        taken = probe.connect_ex((host, listen.port)) == 0
    if taken:
        holder = who_listens(listen.port) or "another program"
        yield fail("port", f"{listen.port} is in use by {holder}.", "Stop it, or take another with --port.")
    else:
        yield ok("port", f"{listen.port} is free")


def _processes(patient: Patient) -> Iterator[Finding]:
    state = patient.state
    if state is None:
        if patient.running:
            yield fail("processes", "Something holds the lock, but does not say what it runs.", "Look at logs/.")
        else:
            yield ok("processes", "nothing runs here; start it with genaiops up")
        return
    for process in state.processes:
        since = to_iso(process.since_us)
        log = patient.home.logs / f"{process.name}.log"
        if process.state != "ready":
            ended = f", it ended last with {process.last_end}" if process.last_end else ""
            yield fail("processes", f"{process.name} is {process.state} since {since}{ended}.", f"Read {log}.")
        elif process.restarts:
            said = f"{process.name} was started again {process.restarts} times, last after {process.last_end}."
            yield warn("processes", said, f"Read {log}.")
        else:
            yield ok("processes", f"{process.name} serves since {since} (process {process.pid})")
    for what in state.off:
        yield warn("processes", f"Off: {what}.", "Start without that flag, or fetch what is missing.")


def _records(patient: Patient) -> Iterator[Finding]:
    url = stores.records_url(patient.settings, patient.home)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite://")).exists():
        yield ok("records", "not there yet; the first start makes them")
        return
    from genaiops.engines.records_sql import open_records
    from genaiops.hub import Hub

    try:
        with contextlib.closing(open_records(url, busy_seconds=2.0)) as records, records.read() as view:
            version = view.version()
            last = view.changes(version - 1) if version else []
            locked_out = bool(version) and not Hub(records).keys.can_administer()
    except GenaiopsError as error:
        yield fail("records", error.message, error.remedy or "Read docs/operations.md.")
        return
    yield ok("records", f"readable, {version} changes")
    if locked_out:
        yield fail("administrator", "No administrator has a key that works.", "Run: genaiops key recover")
    yield from _clock(last[-1].at_us if last else 0)


def _clock(last_us: int) -> Iterator[Finding]:
    now = now_us()
    if now < _YEAR_2026_US:
        yield fail("clock", f"This machine's clock says {to_iso(now)}.", "Set it; budgets and traces go by it.")
    elif last_us > now + _CLOCK_SLACK_US:
        yield fail(
            "clock",
            f"The clock says {to_iso(now)}, but something was written at {to_iso(last_us)}.",
            "Set the clock; budgets would begin their periods wrongly.",
        )
    else:
        yield ok("clock", f"{to_iso(now)}, {time.tzname[0]}")


def _runs(patient: Patient) -> Iterator[Finding]:
    url = stores.runs_url(patient.settings, patient.home)
    if url.startswith("sqlite") and not Path(url.removeprefix("sqlite://")).exists():
        yield ok("runs", "not there yet; the first start makes them")
        return
    from genaiops.engines.runs_sql import open_runs
    from genaiops.ports.runs import RunFilter

    try:
        with contextlib.closing(open_runs(url, busy_seconds=2.0)) as runs:
            newest = runs.list(RunFilter(), limit=1).rows
            begun = to_iso(newest[0].created_us) if newest else ""
    except GenaiopsError as error:
        yield fail("runs", error.message, error.remedy or "Read docs/operations.md.")
        return
    count, _ = _size(patient.home.suites)
    yield ok("runs", f"readable, the newest of {begun}; {count} suites kept" if newest else "readable, there are none")


def _telemetry(patient: Patient) -> Iterator[Finding]:
    folder = stores.telemetry_folder(patient.settings, patient.home)
    if not folder.exists():
        yield ok("telemetry", "not there yet; the first start makes it")
        return
    from genaiops.engines.telemetry_sqlite import open_telemetry

    try:
        with contextlib.closing(open_telemetry(folder, writer=False)) as telemetry:
            head = telemetry.head()
    except GenaiopsError as error:
        yield fail("telemetry", error.message, error.remedy or "Read docs/operations.md.")
    else:
        yield ok("telemetry", f"readable, {head} spans written")


def _blobs(patient: Patient) -> Iterator[Finding]:
    count, size = _size(stores.blobs_folder(patient.settings, patient.home))
    yield ok("blobs", f"{count} files, {size / 1e6:.1f} MB; they go when retention has dropped what refers to them")


def _size(folder: Path) -> tuple[int, int]:
    """Files below it, and their bytes. What goes meanwhile does not count."""
    count = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                size += Path(where, name).stat().st_size
                count += 1
    return count, size


def _spool(patient: Patient) -> Iterator[Finding]:
    from genaiops.engines.spool_files import open_reader

    reader = open_reader(patient.home.spool)
    lives = reader.lives()
    size = _size(patient.home.spool)[1]
    dead = [life for life in lives if not reader.is_alive(life)]
    said = f"{size / 1e6:.1f} MB in {len(lives)} lives"
    if patient.running and size > 512 * 1024 * 1024:
        yield warn("spool", f"{said}: the control process is behind.", f"Read {patient.home.logs / 'control.log'}.")
    elif dead and not patient.running:
        yield ok("spool", f"{said}, which the next start folds in")
    else:
        yield ok("spool", said)


CHECKS: tuple[Check, ...] = (
    _home,
    _private_files,
    _disk,
    _files,
    _port,
    _processes,
    _records,
    _runs,
    _telemetry,
    _blobs,
    _spool,
    lambda patient: check_sharing(patient.settings, patient.home, running=patient.running),
    lambda patient: check_models(patient.settings, patient.home),
    lambda patient: check_provenance(patient.settings, patient.home),
    lambda patient: check_names(patient.settings, patient.home),
    lambda _: sandbox_findings(),
    lambda _: program_findings(),
    lambda patient: check_secrets(patient.settings),
)
