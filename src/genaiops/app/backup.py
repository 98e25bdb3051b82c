"""Backup and restore of an installation, as one file: a tar compressed by zstd.

    records.jsonl        the records, as `engines/records_sql` dumps them: from SQLite or PostgreSQL, into either
    telemetry/*.db       figures and content, each copied by SQLite as of one moment; who said it and what was said is
                         sealed under keys of persons.keys, which is never in it (see `app/sealing.py`)
    blobs/...            rows of datasets
    sealed/...           large payloads of calls, likewise sealed
    runs.jsonl           runs of suites and what experiments have counted; what is said in them likewise sealed
    suites/...           the suites as they were when they ran
    secrets.enc          as it is: encrypted. secrets.key and admin.key only when asked for
    manifest.json        last: who made it and when, and size and SHA-256 of everything before it

Records come first, then figures, content and blobs: each is written by the program before what speaks of it, and copied
after it. What workers did in the last moments and nobody has folded yet is not in it.
"""

import hashlib
import io
import itertools
import shutil
import tarfile
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import msgspec
import zstandard

import genaiops
from genaiops.app import stores
from genaiops.app.home import Home
from genaiops.app.sealing import SEALED, Owned, owners_in, sealed_blobs, sealed_files, unseal
from genaiops.app.sealing_runs import RUN_STORE_TABLES, sealed_runs, unsealed_runs
from genaiops.app.settings import Settings
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import Conflict, NotFound, StoreError, UsageError
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.c2pa_manifest import CHAIN_FILE, KEY_FILE, ROOT_FILE
from genaiops.engines.person_keys import KeyRing, PersonKeys
from genaiops.engines.records_sql import dump, load, open_records
from genaiops.engines.telemetry_sqlite import check
from genaiops.hub import Hub, erase_from_records
from genaiops.ports.blobs import Blobs

_RECORDS = "records.jsonl"
_RUNS = "runs.jsonl"
_SUITES = "suites"
_MANIFEST = "manifest.json"
_SECRETS = "secrets.enc"
_KEYS = (
    *("secrets.key", "admin.key", "sealing.key"),
    *(f"provenance/{name}" for name in (CHAIN_FILE, KEY_FILE, ROOT_FILE)),
)
_CHUNK = 1 << 20


class Entry(msgspec.Struct, frozen=True):
    """One member. `size` in bytes, `sha256` in hexadecimal."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is. `with_key`: it can decrypt its own secrets. `sealed`: what was said can be read
    with the keys of persons only."""

    version: str
    made_at: str
    home: str
    with_key: bool
    entries: tuple[Entry, ...]
    sealed: bool = False

    @property
    def bytes(self) -> int:
        return sum(entry.size for entry in self.entries)


class Restored(msgspec.Struct, frozen=True):
    """`erased` spans, and `erased_rows` of runs (cases, answers, verdicts), came back without what was said in them: no
    key opened it."""

    manifest: Manifest
    erased: int
    erased_rows: int = 0


class _Writer:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.entries: list[Entry] = []

    def add(self, name: str, path: Path) -> None:
        """A file that nobody changes; one that is gone is left out."""
        try:
            with path.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
                size = source.tell()
                source.seek(0)
                self._put(name, size, source)
        except FileNotFoundError:
            return
        self.entries.append(Entry(name, size, digest))

    def finish(self, manifest: Manifest) -> None:
        data = msgspec.json.format(msgspec.json.encode(manifest))
        self._put(_MANIFEST, len(data), io.BytesIO(data))

    def _put(self, name: str, size: int, source: IO[bytes]) -> None:
        member = tarfile.TarInfo(name)
        member.size = size
        member.mode = 0o600
        member.mtime = now_us() // 1_000_000
        self._tar.addfile(member, source)


def back_up(settings: Settings, target: Path, *, with_key: bool = False) -> Manifest:
    """Write `target`, which must not be there yet (mode 600); the installation may be running."""
    home = Home(settings.home)
    if target.exists():
        raise Conflict(f"{target} is there already.", remedy="Name another file, or remove it.", code="backup_exists")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with _new(partial) as tar, tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
            writer = _Writer(tar)
            _add_stores(writer, settings, home, Path(scratch))
            for name in (_SECRETS, *(_KEYS if with_key else ())):
                writer.add(name, home.path / name)
            made_at, entries = to_iso(now_us()), tuple(writer.entries)
            manifest = Manifest(genaiops.__version__, made_at, str(home.path), with_key, entries, sealed=True)
            writer.finish(manifest)
        partial.rename(target)
        _note(stores.records_url(settings, home), "backup", {"with_key": with_key, "bytes": manifest.bytes})
    except OSError as error:
        raise StoreError(
            f"The backup {target} cannot be written: {error.strerror}.",
            remedy="Name a folder that can be written, with room for a copy of everything.",
            code="backup_failed",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def copy_keys(settings: Settings, target: Path) -> None:
    """The keys of what people said, of this moment. Conflict when the file is there."""
    if target.exists():
        raise Conflict(f"{target} is there already.", remedy="Name another file, or remove it.", code="keys_exist")
    try:
        PersonKeys(Home(settings.home).person_keys).copy_to(target)
    except OSError as error:
        raise StoreError(
            f"The keys cannot be written to {target}: {error.strerror}.", remedy="Name another place."
        ) from error


def _add_stores(writer: _Writer, settings: Settings, home: Home, scratch: Path) -> None:
    records = scratch / _RECORDS
    with records.open("wb") as file:
        file.writelines(dump(stores.records_url(settings, home), without=RUN_STORE_TABLES))
    writer.add(_RECORDS, records)
    keys = PersonKeys(home.person_keys)
    telemetry = stores.telemetry_folder(settings, home)
    owned: Owned = {}
    blobs = open_blobs(stores.blobs_folder(settings, home))
    with closing(open_records(stores.records_url(settings, home))) as opened:
        hub = Hub(opened)
        rows, waiting = hub.held(blobs), hub.waiting(blobs)
    if telemetry.exists():
        for path, found in sealed_files(telemetry, scratch, keys, waiting):
            owned = found
            writer.add(f"telemetry/{path.name}", path)
    for digest in sorted(rows):
        name = digest.removeprefix("sha256:")
        place = Path(name[:2], name[2:4], f"{name}.zst")
        writer.add(f"blobs/{place.as_posix()}", stores.blobs_folder(settings, home) / place)
    for path in sealed_blobs(
        blobs, {each: owners for each, owners in owned.items() if each not in rows}, keys, scratch
    ):
        writer.add(f"sealed/{path.name}", path)
        path.unlink()
    _add_runs(writer, settings, home, scratch, keys, blobs)
    keys.keep()


def _add_runs(writer: _Writer, settings: Settings, home: Home, scratch: Path, keys: PersonKeys, blobs: Blobs) -> None:
    """Their suites after them: a run is kept after its suite."""
    with (scratch / _RUNS).open("wb") as file, owners_in(stores.telemetry_folder(settings, home)) as owners:
        file.writelines(sealed_runs(stores.runs_url(settings, home), owners, keys, blobs))
    writer.add(_RUNS, scratch / _RUNS)
    for path in sorted(home.suites.glob("*.json")):
        writer.add(f"{_SUITES}/{path.name}", path)


@contextmanager
def _new(path: Path) -> Generator[tarfile.TarFile]:
    path.touch(mode=0o600)
    with (
        path.open("wb") as raw,
        zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def restore(
    source: Path, home: Home, *, keys: Sequence[Path], without_keys: bool = False, records_url: str | None = None
) -> Restored:
    """Make a data directory of a backup, verified; `home` must be empty or not there. Records go to `records_url` (an
    empty database) or into the home. Nothing is left when anything is wrong.

    `keys`: copies of persons.keys. What none of them opens, and who is gone in one of them, comes back as erased.
    `without_keys`: so does everything that was said."""
    if not source.is_file():
        raise NotFound(f"There is no backup {source}.", remedy="Check the path.")
    if home.path.exists() and any(home.path.iterdir()):
        raise Conflict(f"{home.path} is not empty.", remedy="Name another data directory.", code="home_not_empty")
    home.path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=home.path.parent, prefix=".restore-"))
    try:
        manifest = _unpack(source, fresh)
        if manifest.sealed and not keys and not without_keys:
            raise UsageError(
                f"What was said in calls is sealed in {source.name}.",
                remedy="Give --keys with persons.keys of that installation (its newest copy), or --without-keys to "
                "have figures and records alone.",
                code="keys_missing",
                param="keys",
            )
        ring = KeyRing(keys)
        for path in sorted(fresh.glob("telemetry/*.db")):
            check(path)
        url = records_url or f"sqlite:///{fresh / 'records.db'}"
        with (fresh / _RECORDS).open("rb") as lines:
            load(url, lines)
        (fresh / _RECORDS).unlink()
        lost = unseal(fresh, ring)
        rows = _restore_runs(fresh, records_url, ring)
        with closing(open_records(url)) as records:
            erase_from_records(records, ring.is_gone, by="system")
        ring.write(Home(fresh).person_keys)
        _note(url, "restore", {"made_at": manifest.made_at, "version": manifest.version})
        if home.path.exists():
            home.path.rmdir()
        fresh.rename(home.path)
        return Restored(manifest, lost, rows)
    except OSError as error:
        raise StoreError(
            f"{source} cannot be restored to {home.path}: {error.strerror or error}.",
            remedy="Name a place that can be written, with room for everything.",
            code="restore_failed",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _restore_runs(fresh: Path, records_url: str | None, ring: KeyRing) -> int:
    """Beside the records where those are on a server, as they are looked for. Backups of before have none."""
    path = fresh / _RUNS
    if not path.exists():
        return 0
    shared = records_url is not None and records_url.startswith("postgresql")
    url = records_url if shared and records_url else f"sqlite:///{Home(fresh).runs}"
    lost = unsealed_runs(path, url, ring, open_blobs(Home(fresh).blobs))
    path.unlink()
    return lost


def _unpack(source: Path, folder: Path) -> Manifest:
    """Every member below the folder, compared with the manifest."""
    found: dict[str, Entry] = {}
    manifest: Manifest | None = None
    try:
        for member, content in _members(source):
            if member.name == _MANIFEST:
                manifest = msgspec.json.decode(content.read(), type=Manifest)
                continue
            found[member.name] = _write(folder / _safe(member.name), member.name, content)
    except (tarfile.TarError, zstandard.ZstdError, msgspec.MsgspecError, EOFError) as error:
        raise _damaged(source, str(error)) from error
    if manifest is None:
        raise _damaged(source, "it ends before its manifest")
    for entry in manifest.entries:
        if found.pop(entry.path, None) != entry:
            raise _damaged(source, f"{entry.path} is not what was written")
    if found:
        raise _damaged(source, f"{next(iter(found))} is not in its manifest")
    return manifest


def _members(source: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    with (
        source.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r|") as tar,
    ):
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                raise _damaged(source, f"{member.name} is no file")
            yield member, content


def _safe(name: str) -> Path:
    """A path below the folder: only names that a backup writes."""
    path = Path(name)
    known = name in {_RECORDS, _RUNS, _SECRETS, *_KEYS} or path.parts[0] in {"telemetry", "blobs", SEALED, _SUITES}
    if not known or path.is_absolute() or ".." in path.parts:
        raise tarfile.TarError(f"{name!r} does not belong into a backup")
    return path


def _write(path: Path, name: str, content: IO[bytes]) -> Entry:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    size = 0
    path.touch(mode=0o600)
    with path.open("wb") as file:
        for piece in itertools.takewhile(bool, iter(lambda: content.read(_CHUNK), None)):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return Entry(name, size, digest.hexdigest())


def _damaged(source: Path, why: str) -> StoreError:
    return StoreError(
        f"{source} is no whole backup: {why}.", remedy="Use another one; nothing was restored.", code="backup_damaged"
    )


def _note(url: str, what: str, about: Mapping[str, object]) -> None:
    """In the audit log of the records there."""
    with closing(open_records(url)) as records, records.write("system") as unit:
        unit.note(what, "installation", "all", about)
