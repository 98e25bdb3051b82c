"""`genaiops audit image`: what a file says of its origin, and whether that can be believed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from genaiops.app import config
from genaiops.app.home import Home
from genaiops.app.provenance import root_of
from genaiops.core import media
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.engines.c2pa_manifest import Manifest, certificates_in, verify

LARGEST = 256 << 20


class Proof(msgspec.Struct, frozen=True):
    """`said` in one sentence; `codes` are C2PA's of what is wrong."""

    file: str
    outcome: Literal["pass", "warn", "fail", "inconclusive", "error"]
    said: str
    manifest: Manifest | None
    codes: tuple[str, ...]

    @property
    def facts(self) -> Sequence[tuple[str, str]]:
        found = self.manifest
        if found is None:
            return ()
        told = (
            ("signed by", found.issuer),
            ("made by a model", "yes" if found.generated else "it does not say so"),
            ("model", found.model),
            ("software", found.generator),
            ("request", found.request),
            ("signed before by", found.parent),
            ("actions", ", ".join(found.actions)),
            ("wrong", ", ".join(self.codes)),
        )
        return tuple((name, value) for name, value in told if value)


def prove_image(file: Path, roots: Sequence[Path], home: str | None, settings_file: str | None) -> Proof:
    """Who is trusted: `roots` (PEM files), else this installation's own certificate. NotFound, or UsageError for a file
    that cannot be looked at."""
    try:
        if file.stat().st_size > LARGEST:
            raise UsageError(f"{file} is larger than {LARGEST >> 20} MiB.", remedy="Name an image.")
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {error.filename}.", remedy="Check the path.") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", remedy="Name an image.") from error
    kind = media.kind_of(data)
    if kind is None or not kind.startswith("image/"):
        raise UsageError(
            f"{file} is no image of a type that is known here.", remedy="Give a PNG, JPEG, WebP, GIF or AVIF file."
        )
    trusted = "\n".join(map(certificates_in, roots)) if roots else _own_root(home, settings_file)
    manifest, verdict = verify(data, kind, trusted)
    said = verdict.reason or "The image is as it was signed, by somebody trusted."
    if verdict.outcome == "warn" and not trusted:
        said += " Name who is, with --root."
    return Proof(str(file), verdict.outcome, said, manifest, verdict.evidence)


def _own_root(home: str | None, settings_file: str | None) -> str:
    """Where there is no installation, nobody is trusted."""
    try:
        settings = config.read({"home": home}, file=settings_file).settings
    except GenaiopsError:
        if home is not None or settings_file is not None:
            raise
        return ""
    return root_of(settings, Home(settings.home))
