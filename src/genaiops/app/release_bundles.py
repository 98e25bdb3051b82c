"""A release in one file, for auditors: its manifest, the versions that it pins, runs with their verdicts, approvals and
findings, reports, and a signature over the digests of all of them. No answer of a model and nothing that people wrote
to one is in it. `verify_bundle` needs neither the installation nor a network.
"""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from genaiops.core.digest import digest_bytes, digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import Release, ReleaseManifest, Run
from genaiops.govern import SigningKey, Verifier, read_note
from genaiops.hub import MergeReport, manifest_digest

_SUMS: Final = "SHA256SUMS"
_NOTE: Final = "SHA256SUMS.note"
_KEY: Final = "KEY"
_ORIGIN: Final = "genaiops/bundle"
_LARGEST: Final = 1 << 28
_MOST_FILES: Final = 10_000


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """`versions`: id -> manifest. `reports`: name -> file."""

    release: Release
    versions: Mapping[str, object]
    runs: Sequence[Run]
    said: MergeReport
    reports: Mapping[str, bytes]


class BundleCheck(msgspec.Struct, frozen=True, kw_only=True):
    """`faults`: what does not hold, in words; none: it holds. `versions`: how many have the digests of their names."""

    release: str
    key: str
    files: int
    versions: int
    faults: tuple[str, ...]


class _Named(msgspec.Struct):
    id: str
    digest: str
    manifest: ReleaseManifest


def bundle_of(filed: Filed, key: SigningKey) -> bytes:
    """A gzipped tar, the same for the same content."""
    files = dict(_files(filed))
    sums = "".join(f"{digest_bytes(data).removeprefix('sha256:')}  {name}\n" for name, data in sorted(files.items()))
    files[_SUMS] = sums.encode()
    files[_NOTE] = key.sign(_statement(filed.release.id, files[_SUMS])).encode()
    files[_KEY] = f"{key.verifier}\n".encode()
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def _files(filed: Filed) -> Iterator[tuple[str, bytes]]:
    yield "release.json", _json(filed.release)
    for name, manifest in filed.versions.items():
        yield f"versions/{name.replace('@sha256:', '/')}.json", msgspec.json.encode(manifest, order="sorted")
    for run in filed.runs:
        yield f"runs/{run.id}.json", _json(run)
    yield "suites.json", _json(filed.said.suites)
    yield "approvals.json", _json(filed.said.sign_offs)
    yield "findings.json", _json(filed.said.findings)
    yield "differences.json", _json([each.beside for each in filed.said.releases])
    yield "lineage.json", _json([each.sources for each in filed.said.releases])
    yield from filed.reports.items()


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"


def _statement(release: str, sums: bytes) -> str:
    return f"{_ORIGIN}\n{release}\n{digest_bytes(sums)}\n"


def verify_bundle(path: Path, keys: Sequence[str] = ()) -> BundleCheck:
    """UsageError when it is no bundle, or a key is none."""
    files = _read(path)
    own = files.get(_KEY, b"").decode("utf-8", "replace").strip()
    named = msgspec.json.decode(files["release.json"], type=_Named)
    text, by = read_note(files[_NOTE].decode("utf-8", "replace"), tuple(map(Verifier.read, keys or (own,))))
    faults: list[str] = []
    if by is None:
        faults.append(
            "It is signed by none of the keys that are trusted." if keys else "Its signature is not of its key."
        )
    elif text != _statement(named.id, files[_SUMS]):
        faults.append("It is not what was signed.")
    faults += _altered(files)
    if manifest_digest(named.manifest) != named.digest or not named.id.endswith(f"@{named.digest}"):
        faults.append(f"The content of {named.id} has another digest than its name.")
    versions = [name for name in files if name.startswith("versions/")]
    for name in versions:
        digest = name.removesuffix(".json").rpartition("/")[2]
        if digest_value(msgspec.json.decode(files[name])) != f"sha256:{digest}":
            faults.append(f"{name} has another digest than its name.")
    return BundleCheck(
        release=named.id,
        key="" if by is None else str(by),
        files=len(files),
        versions=len(versions),
        faults=tuple(faults),
    )


def _altered(files: Mapping[str, bytes]) -> Iterator[str]:
    pairs = (line.partition("  ") for line in files[_SUMS].decode("utf-8", "replace").splitlines())
    sums = {name: digest for digest, _, name in pairs}
    for name, data in files.items():
        if name in (_SUMS, _NOTE, _KEY):
            continue
        if name not in sums:
            yield f"{name} is not among what was signed."
        elif digest_bytes(data) != f"sha256:{sums[name]}":
            yield f"{name} was altered."
    yield from (f"{name} is missing." for name in sums if name not in files)


def _read(path: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path, "r:gz") as tar:
            files: dict[str, bytes] = {}
            size = 0
            for entry in tar:
                size += entry.size
                if not entry.isfile() or size > _LARGEST or len(files) >= _MOST_FILES:
                    raise tarfile.TarError("what is in it is no file of a bundle, or too large")
                opened = tar.extractfile(entry)
                files[entry.name] = b"" if opened is None else opened.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UsageError(
            f"{path} cannot be read as a bundle: {error}.",
            remedy="Give a file that genaiops release bundle wrote.",
            param="release",
        ) from None
    lacks = [name for name in ("release.json", _SUMS, _NOTE, _KEY) if name not in files]
    if lacks:
        raise UsageError(
            f"{path} is no bundle of a release: it has no {lacks[0]}.",
            remedy="Give a file that genaiops release bundle wrote.",
            param="release",
        )
    return files
