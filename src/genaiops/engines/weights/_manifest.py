"""What stands beside installed weights: `manifest.json`, and the check of the files against it."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from genaiops.engines.weights._errors import WeightsCorrupt

FILENAME = "manifest.json"
_PIECE = 1 << 20

Hashed = Callable[[int], None]  # told how many bytes more were read


class InstalledFile(Struct, frozen=True):
    name: str
    sha256: str
    size: int


class Origin(Struct, frozen=True):
    """The package the weights came in."""

    package: str
    version: str
    sha256: str
    licence: str
    source: str


class Manifest(Struct, frozen=True, kw_only=True):
    """One installed version of weights. `digest` names it; `measured` holds figures taken when it was made here."""

    name: str
    title: str
    kind: str
    digest: str
    licence: str
    source: str
    lineage: tuple[str, ...]
    tokenizer: str
    context: int
    files: tuple[InstalledFile, ...]
    origin: Origin | None
    made_from: tuple[InstalledFile, ...]  # what was pulled and is not kept, because `files` were made of it
    base: str | None  # the digest of the version this one was made from
    made_with: dict[str, str]
    measured: dict[str, float]
    pulled_at: str  # RFC 3339, UTC


def sha256_of(path: Path, hashed: Hashed | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            if hashed is not None:
                hashed(len(piece))
    return digest.hexdigest()


def read(directory: Path) -> Manifest | None:
    """The manifest in `directory`, None where there is none. Raises WeightsCorrupt when it is not one."""
    path = directory / FILENAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise WeightsCorrupt(
            f"{path} is not a manifest: {error}.", remedy="Pull the weights again; that replaces it."
        ) from error


def write(directory: Path, manifest: Manifest) -> None:
    with (directory / FILENAME).open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        file.flush()
        os.fsync(file.fileno())


def verify(directory: Path, manifest: Manifest, hashed: Hashed | None = None) -> None:
    """Read every file and compare. Raises WeightsCorrupt, which names the file."""
    check_sizes(directory, manifest)
    for file in manifest.files:
        found = sha256_of(directory / file.name, hashed)
        if found != file.sha256:
            raise _corrupt(directory / file.name, f"its sha256 is {found}, the manifest says {file.sha256}")


def check_sizes(directory: Path, manifest: Manifest) -> None:
    """The cheap check, for the start of a server: every file is there with its size."""
    for file in manifest.files:
        path = directory / file.name
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise _corrupt(path, "it is not there") from None
        if size != file.size:
            raise _corrupt(path, f"it has {size} bytes, the manifest says {file.size}")


def _corrupt(path: Path, why: str) -> WeightsCorrupt:
    return WeightsCorrupt(f"{path} is damaged: {why}.", remedy="Pull the weights again; that replaces them.")
