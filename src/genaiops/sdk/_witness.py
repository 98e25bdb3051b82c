"""Remembers how long and of which root an installation's audit log was, and refuses one that no longer fits.

Who rewrites the log of an installation must also reach everybody who ever asked it something.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from genaiops.core.errors import NotFound, StoreError
from genaiops.core.merkle import consistent

HEADER = "x-genaiops-audit"
"""Of an answer: origin, size and root (hexadecimal) of the newest checkpoint."""


class Seen(msgspec.Struct, frozen=True):
    """A checkpoint: of the log with that name, the root (hexadecimal) at a size."""

    origin: str
    size: int
    root: str


Prove = Callable[[int, int], tuple[Sequence[str], str]]
"""(first, second) -> (path, root of the second), hexadecimal. NotFound when the log is not that long."""


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    config = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".config")
    return Path(config) / "genaiops" / "checkpoints"


class Witness:
    """One file a log in `folder`. What cannot be written is not remembered: no command fails for that."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def look(self, header: str, prove: Prove) -> None:
        """StoreError when the log no longer begins with what was seen of it last."""
        seen = _read(header)
        if seen is None:
            return
        known = self.known(seen.origin)
        if known is not None and known != seen:
            small, large = sorted((known, seen), key=lambda each: each.size)
            path, root = self._proof(small, large, prove, known) if small.size < large.size else ((), large.root)
            whole = root == large.root and consistent(
                small.size, large.size, bytes.fromhex(small.root), bytes.fromhex(root), [*map(bytes.fromhex, path)]
            )
            if not whole:
                raise self._refusal(known, "was rewritten")
        if known is None or known.size < seen.size:
            self._keep(seen)

    def known(self, origin: str) -> Seen | None:
        try:
            found = msgspec.json.decode(self._file(origin).read_bytes(), type=Seen)
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.origin == origin else None

    def all(self) -> list[tuple[str, int, str, str]]:
        """(origin, size, root, file) of every log."""
        found: list[tuple[str, int, str, str]] = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                seen = msgspec.json.decode(path.read_bytes(), type=Seen)
            except (OSError, msgspec.MsgspecError):
                continue
            found.append((seen.origin, seen.size, seen.root, str(path)))
        return found

    def forget(self, origin: str) -> bool:
        """Whether there was something to forget."""
        there = self._file(origin).exists()
        self._file(origin).unlink(missing_ok=True)
        return there

    def _proof(self, small: Seen, large: Seen, prove: Prove, known: Seen) -> tuple[Sequence[str], str]:
        try:
            return prove(small.size, large.size)
        except NotFound as error:
            raise self._refusal(known, "was cut off or rolled back") from error

    def _refusal(self, known: Seen, what: str) -> StoreError:
        return StoreError(
            f"The audit log {known.origin} {what}: it does not begin with the {known.size} events that were seen of it "
            f"before ({self._file(known.origin)}).",
            remedy="Run `genaiops audit verify`. If a backup was restored on purpose, run `genaiops audit accept`.",
            code="audit_inconsistent",
        )

    def _keep(self, seen: Seen) -> None:
        path = self._file(seen.origin)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.write_bytes(msgspec.json.encode(seen))
            fresh.replace(path)
        except OSError:
            return

    def _file(self, origin: str) -> Path:
        return self.folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:24]}.json"


def _read(header: str) -> Seen | None:
    """None for what an installation of another version may say."""
    parts = header.split(" ")
    if len(parts) != 3 or not parts[1].isdigit() or len(parts[2]) != 64:
        return None
    try:
        bytes.fromhex(parts[2])
    except ValueError:
        return None
    return Seen(parts[0], int(parts[1]), parts[2])
