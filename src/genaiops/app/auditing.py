"""The audit log of an installation: its signing, the checkpoints kept beside the store, and its verification."""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from genaiops.app.home import Home
from genaiops.app.installation import write_atomically
from genaiops.app.settings import Settings
from genaiops.app.stores import records_url
from genaiops.core.errors import NotFound, StoreError, UsageError
from genaiops.domain import Checkpoint, LogKey
from genaiops.engines.records_sql import open_records
from genaiops.govern import Auditor, BundleReport, Report, Witnessed, read_checkpoint, verify, verify_bundle
from genaiops.ports.records import Records
from genaiops.ports.secrets import Secrets

_NEWEST = "checkpoint"
_KEY = "log.pub"
_ACTOR = "system"


def open_auditor(records: Records, secrets: Secrets, home: Home) -> Auditor:
    """Writes each checkpoint into the home as well, where an edit of the database does not reach it."""

    def kept(checkpoint: Checkpoint, key: LogKey) -> None:
        home.audit.mkdir(exist_ok=True, mode=0o700)
        for name in (_NEWEST, f"checkpoint-{checkpoint.size:012}"):
            write_atomically(home.audit / name, checkpoint.note.encode())
        write_atomically(home.audit / _KEY, f"{key.verifier}\n".encode())

    return Auditor(records, secrets, kept=kept)


def kept_checkpoints(home: Home) -> list[Witnessed]:
    """Those in the home's folder. UsageError when a file there is none."""
    found: list[Witnessed] = []
    for path in sorted(home.audit.glob(f"{_NEWEST}-*")):
        signed = read_checkpoint(path.read_text(encoding="utf-8", errors="replace"))
        found.append(Witnessed(signed.size, signed.root, str(path)))
    return found


def verify_home(
    settings: Settings,
    *,
    remembered: Sequence[tuple[str, int, str, str]] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Everything of the log of an installation, whether it runs or not. `remembered`: (origin, size, root, place) of
    checkpoints that this user's commands saw. The run is noted in the log, where that can be written."""
    home = Home(settings.home)
    url = records_url(settings, home)
    if url == f"sqlite:///{home.records}" and not home.records.exists():
        raise NotFound(f"There are no records in {home.path}.", remedy="Name the data directory with --home.")
    witnesses = kept_checkpoints(home)
    with closing(open_records(url)) as records:
        with records.read() as view:
            origins = {key.origin for key in view.audit.log_keys()}
            witnesses += [Witnessed(size, root, place) for origin, size, root, place in remembered if origin in origins]
            report = verify(view.audit, witnesses=witnesses, progress=progress)
        with suppress(StoreError), records.write(_ACTOR) as unit:
            unit.note("verify", "audit", "log", {"size": report.size, "root": report.root, "found": report.found})
    return report


def verify_file(path: Path, keys: Sequence[str]) -> BundleReport:
    """Of an export, without any installation."""
    try:
        with path.open("rb") as lines:
            return verify_bundle(lines, keys=keys)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", remedy="Check the path.", param="bundle"
        ) from error
